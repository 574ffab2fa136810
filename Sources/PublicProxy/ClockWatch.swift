import struct Foundation.Date

/// Compares the time of day with a clock that nobody sets.
struct ClockWatch {
  /// Smaller differences are how long it takes to read two clocks, and how far one is corrected in passing.
  private static let tolerance: Double = 2

  private var wall: Date
  private var steady: ContinuousClock.Instant

  init(wall: Date = Date(), steady: ContinuousClock.Instant = .now) {
    self.wall = wall
    self.steady = steady
  }

  /// By how many seconds the time of day was set since the last look; nil when it was not.
  mutating func jump(wall: Date = Date(), steady: ContinuousClock.Instant = .now) -> Double? {
    let jump = wall.timeIntervalSince(self.wall) - self.steady.duration(to: steady) / .seconds(1)
    (self.wall, self.steady) = (wall, steady)
    return abs(jump) > Self.tolerance ? jump : nil
  }
}
