/// How often something may happen: evenly, with bursts up to a bound (the generic cell rate algorithm, ITU-T I.371).
///
/// All there is to remember is one number per source: the time at which it will be as if nothing had happened. Times are
/// nanoseconds on a clock of the caller's that only goes forwards.
public struct Pace: Hashable, Sendable {
  /// From one event to the next.
  private let interval: UInt64
  /// How far ahead of an even pace a source may be.
  private let tolerance: UInt64

  /// - Parameters:
  ///   - limit: how many in one period, at least 1. As many may come at once; then the next comes when its time is up.
  ///   - period: at least a nanosecond for each.
  public init(_ limit: Int, per period: Duration) {
    let (seconds, attoseconds) = period.components
    let nanoseconds = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let length = nanoseconds.overflow ? UInt64.max / 4 : nanoseconds.partialValue &+ UInt64(clamping: attoseconds / 1_000_000_000)
    let count = UInt64(clamping: max(1, limit))
    interval = max(1, length / count)
    let (product, overflow) = interval.multipliedReportingOverflow(by: count - 1)
    tolerance = overflow ? UInt64.max / 4 : product
  }

  /// One event of a source.
  ///
  /// - Parameter state: what the last admitted event of this source left; 0 at first.
  /// - Returns: the new state; nil when it is too early, and the state stays what it was.
  public func admit(_ state: UInt64, now: UInt64) -> UInt64? {
    let due = max(state, now)
    guard due - now <= tolerance else { return nil }
    return due &+ interval
  }
}

/// A pace for each of any number of sources, in memory of a fixed size.
///
/// Sources are counted in buckets under a random key: two may share one, nobody can choose with whom. With 65 536 buckets and a
/// thousand sources that come too often, one of 66 others is held back with one of them.
public struct PaceTable: Sendable {
  public let pace: Pace
  private var states: [UInt64]
  private let key: UInt64

  /// - Parameters:
  ///   - buckets: rounded up to a power of two; eight bytes each.
  ///   - key: random.
  public init(_ pace: Pace, buckets: Int = 1 << 16, key: UInt64) {
    self.pace = pace
    self.key = key
    var size = 1
    while size < min(max(buckets, 1), 1 << 24) { size <<= 1 }
    states = [UInt64](repeating: 0, count: size)
  }

  /// One event of a source; false when it comes too early.
  public mutating func admit(_ source: UInt64, now: UInt64) -> Bool {
    let bucket = Int(truncatingIfNeeded: Self.mix(source ^ key)) & (states.count - 1)
    guard let next = pace.admit(states[bucket], now: now) else { return false }
    states[bucket] = next
    return true
  }

  /// Spreads keys that differ in a few bits (the finalizer of SplitMix64).
  static func mix(_ value: UInt64) -> UInt64 {
    var mixed = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
