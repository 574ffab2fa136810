/// The way to one target: which address is tried next and until when. Pure; instants are ticks of the timer wheel.
struct DialPlan {
  enum State: Equatable {
    /// The name is being looked up. To `connecting`, `failed`.
    case resolving
    /// An attempt is under way until the given tick. To `connecting` (the next address), `pausing`, `connected`, `failed`.
    case connecting(until: UInt32)
    /// A Unix listener's queue is full: the same address again at the given tick. To `connecting`, `failed`.
    case pausing(until: UInt32)
    /// To nothing.
    case connected
    case failed(String)
  }

  enum Action {
    /// Try this address.
    case connect(SocketAddress)
    case wait
    /// No address is left.
    case fail(String)
  }

  /// Reasons that are reported; the rest would say the same.
  static let reportedFailures = 3

  /// How long to rest when a listener's queue is full. Two ticks (64 ms): Unix sockets refuse at once where TCP would
  /// make its own second attempt.
  static let pause: UInt32 = 2

  private(set) var state = State.resolving
  private let deadline: UInt32
  private var addresses: [SocketAddress] = []
  private var next = 0
  /// What the attempts came to, one reason per address.
  private var failures: [String] = []

  /// A dial that has to be over by `deadline`.
  init(deadline: UInt32) {
    self.deadline = deadline
  }

  var isPending: Bool {
    switch state {
    case .resolving, .connecting, .pausing: true
    case .connected, .failed: false
    }
  }

  var isConnecting: Bool { if case .connecting = state { true } else { false } }

  /// When `timePassed` has to be called next.
  var nextCheck: UInt32 {
    switch state {
    case .connecting(let tick), .pausing(let tick): min(tick, deadline)
    case .resolving, .connected, .failed: deadline
    }
  }

  mutating func resolved(_ found: [SocketAddress], now: UInt32) -> Action {
    guard state == .resolving else { return .wait }
    addresses = found
    return tryNext(now: now)
  }

  mutating func couldNotResolve(_ failure: String) -> Action {
    guard state == .resolving else { return .wait }
    return fail(failure)
  }

  /// The attempt under way came to nothing.
  mutating func attemptFailed(_ failure: String, now: UInt32) -> Action {
    guard isConnecting else { return .wait }
    note(failure)
    return tryNext(now: now)
  }

  /// The listener is there but has no room for us at the moment.
  mutating func listenerBusy(_ failure: String, now: UInt32) -> Action {
    guard isConnecting else { return .wait }
    guard now + Self.pause < deadline else {
      note(failure)
      return fail(allFailures)
    }
    state = .pausing(until: now + Self.pause)
    return .wait
  }

  mutating func connected() {
    if isConnecting { state = .connected }
  }

  /// The clock was looked at: ends attempts, and all of them at the deadline.
  mutating func timePassed(now: UInt32) -> Action {
    switch state {
    case .connected, .failed:
      return .wait
    case .resolving:
      return now >= deadline ? fail("the name server did not answer in time") : .wait
    case .connecting(let until):
      guard now >= min(until, deadline) else { return .wait }
      note("no answer in time")
      return tryNext(now: now)
    case .pausing(let until):
      if now >= deadline {
        note("the listener's queue stays full")
        return fail(allFailures)
      }
      guard now >= until else { return .wait }
      next -= 1
      return tryNext(now: now)
    }
  }

  /// The time that is left is shared among the addresses that are left, so that a silent one does not use it up.
  private mutating func tryNext(now: UInt32) -> Action {
    guard next < addresses.count, now < deadline else { return fail(allFailures) }
    let share = max(1, (deadline - now) / UInt32(addresses.count - next))
    state = .connecting(until: now + share)
    next += 1
    return .connect(addresses[next - 1])
  }

  private var allFailures: String { failures.isEmpty ? "it has no address" : failures.joined(separator: "; ") }

  /// Of the address that was tried last.
  private mutating func note(_ failure: String) {
    if failures.count < Self.reportedFailures { failures.append("\(addresses[next - 1].text): \(failure)") }
  }

  private mutating func fail(_ failure: String) -> Action {
    state = .failed(failure)
    return .fail(failure)
  }
}

/// What follows for a stream from how far its two ends are.
enum DialDecision: Equatable {
  case wait
  /// Both are there.
  case relay
  /// The server cannot be reached, and there is somebody downstream to tell: alert 80.
  case refuse
  /// Nobody downstream: close what is open.
  case giveUp

  /// - Parameter downstream: nil when the client is connected from the start (a static route).
  static func decide(downstream: DialPlan.State?, upstream: DialPlan.State) -> DialDecision {
    switch (downstream, upstream) {
    case (.failed, _): .giveUp
    case (nil, .connected), (.connected, .connected): .relay
    case (nil, .failed), (.connected, .failed): .refuse
    case (nil, .resolving), (nil, .connecting), (nil, .pausing), (.connected, .resolving), (.connected, .connecting),
      (.connected, .pausing):
      .wait
    case (.resolving, _), (.connecting, _), (.pausing, _): .wait
    }
  }
}
