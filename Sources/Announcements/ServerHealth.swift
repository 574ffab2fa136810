/// When an internal server is looked at, and how often it has to answer or not before that counts.
public struct HealthRules: Hashable, Sendable {
  /// From one look to the next. Five seconds: a dead server is known after fifteen.
  public var interval: Duration
  /// Looks in a row that must succeed before a server that was down counts as up.
  public var rise: Int
  /// Looks in a row that must fail before a server that was up counts as down.
  public var fall: Int

  public init(interval: Duration = .seconds(5), rise: Int = 2, fall: Int = 3) {
    self.interval = interval
    self.rise = max(1, rise)
    self.fall = max(1, fall)
  }
}

/// Whether an internal server is up, from looks at it (a TCP connect each).
///
/// A state machine without clock. A server counts as up at first, also when it is started a little later than we: a wrong guess
/// that way costs a client an alert, the other way a name that is served its clients. A change takes `rise` or `fall` looks in a row.
public struct ServerHealth: Sendable {
  /// What a look has changed.
  public enum Change: Hashable, Sendable {
    case wentUp
    /// With what the last look found.
    case wentDown(String)
  }

  private enum State: Sendable {
    /// With how many looks in a row have failed. To: `down`.
    case up(failures: Int)
    /// With how many looks in a row have succeeded, and what the last that failed found. To: `up`.
    case down(successes: Int, reason: String)
  }

  private let rules: HealthRules
  private var state = State.up(failures: 0)

  public init(_ rules: HealthRules = HealthRules()) {
    self.rules = rules
  }

  public var isUp: Bool {
    switch state {
    case .up: true
    case .down: false
    }
  }

  /// What the last look that failed found, while the server is down.
  public var reason: String? {
    guard case .down(_, let reason) = state else { return nil }
    return reason
  }

  /// A look succeeded. Nil when nothing changes.
  public mutating func succeeded() -> Change? {
    switch state {
    case .up:
      state = .up(failures: 0)
      return nil
    case .down(let successes, let reason):
      guard successes + 1 < rules.rise else {
        state = .up(failures: 0)
        return .wentUp
      }
      state = .down(successes: successes + 1, reason: reason)
      return nil
    }
  }

  /// A look failed. Nil when nothing changes.
  public mutating func failed(_ reason: String) -> Change? {
    switch state {
    case .up(let failures) where failures + 1 < rules.fall:
      state = .up(failures: failures + 1)
      return nil
    case .up:
      state = .down(successes: 0, reason: reason)
      return .wentDown(reason)
    case .down:
      state = .down(successes: 0, reason: reason)
      return nil
    }
  }
}
