/// Which ends of refused clients are told: so many per second and cause, so that a flood of refusals costs no reports. Pure.
struct RefusalReports {
  private struct Window {
    var end: UInt64 = 0
    var told = 0
    /// Not told since the last one that was.
    var untold: UInt64 = 0
  }

  private var windows = [Window](repeating: Window(), count: EndCause.allCases.count)
  private let limit: Int

  /// - Parameter limit: per second and cause.
  init(limit: Int) { self.limit = limit }

  /// How many were not told before this one; nil when this one is not to be told either.
  ///
  /// - Parameter now: milliseconds.
  mutating func admit(_ cause: EndCause, now: UInt64) -> UInt64? {
    let index = Int(cause.rawValue)
    if now >= windows[index].end {
      windows[index].end = now + 1000
      windows[index].told = 0
    }
    guard windows[index].told < limit else {
      windows[index].untold += 1
      return nil
    }
    windows[index].told += 1
    defer { windows[index].untold = 0 }
    return windows[index].untold
  }
}
