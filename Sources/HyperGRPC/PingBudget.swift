import NIOCore

/// How many PINGs of a peer are answered: a bucket that refills evenly and holds one second's worth. A value; time is an argument.
struct PingBudget {
  private let perSecond: Int
  private var available: Int
  private var refilled: NIODeadline

  init(perSecond: Int, now: NIODeadline) {
    self.perSecond = max(1, perSecond)
    available = max(1, perSecond)
    refilled = now
  }

  /// Whether so many more PINGs may be answered now.
  mutating func take(_ count: Int, now: NIODeadline) -> Bool {
    let elapsed = max(0, (now - refilled).nanoseconds)
    let earned = elapsed >= 1_000_000_000 ? perSecond : Int(elapsed) * perSecond / 1_000_000_000
    if earned > 0 {
      available = min(perSecond, available + earned)
      refilled = now
    }
    guard count <= available else { return false }
    available -= count
    return true
  }
}
