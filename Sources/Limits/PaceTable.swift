import Synchronization

/// A pace for each of any number of sources, in memory of a fixed size, shared by any number of threads without a lock.
///
/// Sources are counted in buckets (``BucketKey``): two may share one, nobody can choose with whom. With 65 536 buckets and a thousand
/// sources that come too often, one of 66 others is held back with one of them.
///
/// `@unchecked Sendable`: the one pointer never changes and points to atomics that live as long as the object.
public final class PaceTable: @unchecked Sendable {
  public let pace: Pace
  private let states: UnsafeMutablePointer<Atomic<UInt64>>

  public init(_ pace: Pace) {
    self.pace = pace
    states = .allocate(capacity: BucketKey.buckets)
    for bucket in 0..<BucketKey.buckets { (states + bucket).initialize(to: Atomic(0)) }
  }

  deinit {
    states.deinitialize(count: BucketKey.buckets)
    states.deallocate()
  }

  /// One event of a source; false when it comes too early, and then it does not count.
  ///
  /// - Parameter now: nanoseconds on one clock for all threads. Threads may differ by a little.
  public func admit(_ bucket: Bucket, now: UInt64) -> Bool {
    let cell = states + Int(bucket.number)
    var state = cell.pointee.load(ordering: .relaxed)
    while let next = pace.admit(state, now: now) {
      // Another thread's event for the same bucket came between: this one follows it.
      let (exchanged, present) = cell.pointee.weakCompareExchange(expected: state, desired: next, ordering: .relaxed)
      if exchanged { return true }
      state = present
    }
    return false
  }
}
