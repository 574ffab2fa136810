/// Where a source is counted.
public struct Bucket: Hashable, Sendable {
  public let number: UInt16

  @inlinable
  public init(number: UInt16) { self.number = number }
}

/// Assigns sources to buckets under a random key, so that nobody can choose whose bucket to share.
public struct BucketKey: Sendable {
  /// How many buckets there are.
  public static let buckets = 1 << 16

  @usableFromInline let key: UInt64

  /// - Parameter key: random.
  public init(_ key: UInt64) { self.key = key }

  @inlinable
  public func bucket(of source: UInt64) -> Bucket {
    Bucket(number: UInt16(truncatingIfNeeded: Self.mix(source ^ key)))
  }

  /// Spreads keys that differ in a few bits (the finalizer of SplitMix64).
  @inlinable
  static func mix(_ value: UInt64) -> UInt64 {
    var mixed = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
