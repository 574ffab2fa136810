import Synchronization

/// A number that only grows. Incrementing is one atomic addition.
public final class Counter: Sendable {
  private let count = Atomic<UInt64>(0)

  init() {}

  public func increment(by amount: UInt64 = 1) {
    count.wrappingAdd(amount, ordering: .relaxed)
  }

  public var value: UInt64 { count.load(ordering: .relaxed) }
}

/// A number that goes up and down. Its value is behind its own mutex.
public final class Gauge: Sendable {
  private let number = Mutex<Double>(0)

  init() {}

  public func set(_ value: Double) {
    number.withLock { $0 = value }
  }

  public func increment(by amount: Double = 1) {
    number.withLock { $0 += amount }
  }

  public func decrement(by amount: Double = 1) {
    number.withLock { $0 -= amount }
  }

  public var value: Double { number.withLock { $0 } }
}

/// Counts observations by size. Its counts are behind its own mutex.
public final class Histogram: Sendable {
  struct Counts: Sendable {
    /// One per upper bound and one for everything above; not cumulative.
    var buckets: [UInt64]
    var sum: Double = 0
  }

  /// Upper bounds, ascending, each included in its bucket.
  let bounds: [Double]
  private let counts: Mutex<Counts>

  init(bounds: [Double]) {
    let sorted = Set(bounds.filter(\.isFinite)).sorted()
    self.bounds = sorted
    counts = Mutex(Counts(buckets: Array(repeating: 0, count: sorted.count + 1)))
  }

  /// Counts one observation; not-a-number is left out, because it would spoil the sum for ever.
  public func observe(_ value: Double) {
    guard !value.isNaN else { return }
    let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
    counts.withLock {
      $0.buckets[bucket] += 1
      $0.sum += value
    }
  }

  /// Counts a duration in seconds.
  public func observe(_ duration: Duration) {
    observe(duration / .seconds(1))
  }

  var snapshot: Counts { counts.withLock { $0 } }
}
