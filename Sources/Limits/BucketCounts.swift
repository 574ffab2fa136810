public import Synchronization

/// How many of several things each bucket has, shared by any number of threads without a lock. What is counted of one bucket lies
/// together, so that a connection touches one line of the cache for all of it.
///
/// `@unchecked Sendable`: the one pointer never changes and points to atomics that live as long as the object.
public final class BucketCounts: @unchecked Sendable {
  // Inlined into the relay's loops, where it is called a few times for every connection.
  @usableFromInline let columns: Int
  @usableFromInline let cells: UnsafeMutablePointer<Atomic<Int32>>

  /// - Parameter columns: how many things are counted, at least 1.
  public init(columns: Int) {
    self.columns = columns
    cells = .allocate(capacity: columns * BucketKey.buckets)
    for cell in 0..<columns * BucketKey.buckets { (cells + cell).initialize(to: Atomic(0)) }
  }

  deinit {
    cells.deinitialize(count: columns * BucketKey.buckets)
    cells.deallocate()
  }

  /// - Parameters:
  ///   - column: below the number of columns.
  /// - Returns: how many there were before.
  @inlinable
  public func add(_ amount: Int32, _ bucket: Bucket, _ column: Int) -> Int {
    Int(cells[Int(bucket.number) &* columns &+ column].wrappingAdd(amount, ordering: .relaxed).oldValue)
  }

  @inlinable
  public func subtract(_ amount: Int32, _ bucket: Bucket, _ column: Int) {
    cells[Int(bucket.number) &* columns &+ column].wrappingSubtract(amount, ordering: .relaxed)
  }

  public func count(_ bucket: Bucket, _ column: Int) -> Int {
    Int(cells[Int(bucket.number) &* columns &+ column].load(ordering: .relaxed))
  }
}
