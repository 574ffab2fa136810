/// The way to one target: which address is tried next and until when. Pure; instants are ticks of the timer wheel.
///
/// Happy Eyeballs (RFC 8305): addresses of both families take turns, the next one is tried when the last one has not
/// answered for a moment, and the first connection wins. The resolver gives all addresses at once, so that there is no
/// resolution delay (section 3).
struct DialPlan {
  enum State: Equatable {
    /// The name is being looked up. To `connecting`, `failed`.
    case resolving
    /// Attempts are under way; the next address is due at the given tick. To `pausing`, `connected`, `failed`.
    case connecting(until: UInt32)
    /// A Unix listener's queue is full: the same address again at the given tick. To `connecting`, `failed`.
    case pausing(until: UInt32)
    /// To nothing.
    case connected
    case failed(String)
  }

  enum Action {
    /// Try this address as well; what comes of it is told under this number.
    case connect(SocketAddress, attempt: Int)
    case wait
    /// No address is left.
    case fail(String)
  }

  /// Reasons that are reported; the rest would say the same.
  static let reportedFailures = 3

  /// How long an attempt has before the next address is tried as well. 8 ticks (256 ms): the connection attempt delay of
  /// RFC 8305 section 8, 250 ms.
  static let attemptDelay: UInt32 = 8

  /// Attempts at one time. 4: two of each family; the oldest gives way to a new one, so that a stream costs no more
  /// descriptors than that and a long list is still tried to its end.
  static let maxUnderWay = 4

  /// How long to rest when a listener's queue is full. Two ticks (64 ms): Unix sockets refuse at once where TCP would
  /// make its own second attempt.
  static let pause: UInt32 = 2

  private(set) var state = State.resolving
  private let deadline: UInt32
  private var addresses: [SocketAddress] = []
  private var next = 0
  /// Positions of the addresses that are being tried. An attempt that is not here any more is to be closed.
  private(set) var underWay: [Int] = []
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

  /// When `timePassed` has to be called next.
  var nextCheck: UInt32 {
    switch state {
    case .connecting(let tick), .pausing(let tick): min(tick, deadline)
    case .resolving, .connected, .failed: deadline
    }
  }

  mutating func resolved(_ found: [SocketAddress], now: UInt32) -> Action {
    guard state == .resolving else { return .wait }
    addresses = Self.interleaved(found)
    return tryNext(now: now)
  }

  mutating func couldNotResolve(_ failure: String) -> Action {
    guard state == .resolving else { return .wait }
    return fail(failure)
  }

  /// An attempt came to nothing: the next address need not wait.
  mutating func attemptFailed(_ attempt: Int, _ failure: String, now: UInt32) -> Action {
    guard finish(attempt) else { return .wait }
    note(attempt, failure)
    return tryNext(now: now)
  }

  /// The listener is there but has no room for us at the moment.
  mutating func listenerBusy(_ attempt: Int, _ failure: String, now: UInt32) -> Action {
    guard finish(attempt) else { return .wait }
    guard now + Self.pause < deadline else {
      note(attempt, failure)
      return fail(allFailures)
    }
    next = attempt
    state = .pausing(until: now + Self.pause)
    return .wait
  }

  /// The first connection wins.
  mutating func connected(_ attempt: Int) {
    guard finish(attempt) else { return }
    underWay.removeAll()
    state = .connected
  }

  /// The clock was looked at: tries the next address, and gives up at the deadline.
  mutating func timePassed(now: UInt32) -> Action {
    switch state {
    case .connected, .failed:
      return .wait
    case .resolving:
      return now >= deadline ? fail("the name server did not answer in time") : .wait
    case .connecting(let until):
      if now >= deadline {
        for attempt in underWay { note(attempt, "no answer in time") }
        return fail(allFailures)
      }
      return now >= until ? tryNext(now: now) : .wait
    case .pausing(let until):
      if now >= deadline {
        note(next, "the listener's queue stays full")
        return fail(allFailures)
      }
      return now >= until ? tryNext(now: now) : .wait
    }
  }

  /// The families take turns, beginning with the one that the system prefers (RFC 8305 section 4).
  static func interleaved(_ found: [SocketAddress]) -> [SocketAddress] {
    guard let first = found.first else { return [] }
    let preferred = found.filter { $0.family == first.family }
    let others = found.filter { $0.family != first.family }
    var result: [SocketAddress] = []
    for position in 0..<max(preferred.count, others.count) {
      if position < preferred.count { result.append(preferred[position]) }
      if position < others.count { result.append(others[position]) }
    }
    return result
  }

  private mutating func tryNext(now: UInt32) -> Action {
    guard next < addresses.count, now < deadline else {
      guard underWay.isEmpty else {
        state = .connecting(until: deadline)
        return .wait
      }
      return fail(allFailures)
    }
    if underWay.count >= Self.maxUnderWay { note(underWay.removeFirst(), "no answer in time") }
    let attempt = next
    next += 1
    underWay.append(attempt)
    // Where time is short, every address still gets its share of it.
    let share = max(1, (deadline - now) / UInt32(addresses.count - attempt))
    state = .connecting(until: next < addresses.count ? now + min(share, Self.attemptDelay) : deadline)
    return .connect(addresses[attempt], attempt: attempt)
  }

  /// False for an attempt that nobody waits for any more.
  private mutating func finish(_ attempt: Int) -> Bool {
    guard let position = underWay.firstIndex(of: attempt) else { return false }
    underWay.remove(at: position)
    return true
  }

  private var allFailures: String { failures.isEmpty ? "it has no address" : failures.joined(separator: "; ") }

  private mutating func note(_ attempt: Int, _ failure: String) {
    if failures.count < Self.reportedFailures { failures.append("\(addresses[attempt].text): \(failure)") }
  }

  private mutating func fail(_ failure: String) -> Action {
    underWay.removeAll()
    state = .failed(failure)
    return .fail(failure)
  }
}

/// What follows for a stream from how far its two ends are.
enum DialDecision: Equatable {
  case wait
  /// The token is presented, and the hello behind it says to which server.
  case readHello
  /// Both are there.
  case relay
  /// The server cannot be reached, and there is somebody downstream to tell: alert 80.
  case refuse
  /// Nobody downstream: close what is open.
  case giveUp

  /// - Parameters:
  ///   - downstream: nil when that side is connected from the start.
  ///   - upstream: nil when nobody knows yet where to.
  static func decide(downstream: DialPlan.State?, upstream: DialPlan.State?) -> DialDecision {
    switch (downstream, upstream) {
    case (.failed, _), (nil, nil): .giveUp
    case (.connected, nil): .readHello
    case (nil, .connected), (.connected, .connected): .relay
    case (nil, .failed), (.connected, .failed): .refuse
    case (nil, .resolving), (nil, .connecting), (nil, .pausing), (.connected, .resolving), (.connected, .connecting),
      (.connected, .pausing):
      .wait
    case (.resolving, _), (.connecting, _), (.pausing, _): .wait
    }
  }
}
