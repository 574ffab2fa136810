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
