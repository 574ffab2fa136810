/// Hashes server names under a random key: a few dozen instructions for a name, so that every client can be counted by it.
///
/// No SipHash: who does not see the results cannot learn the key, and those who could make names collide anyway would only share a
/// count or cause a look-up.
public struct NameHash: Sendable {
  private let key: UInt64

  /// - Parameter key: random.
  public init(_ key: UInt64) { self.key = key }

  /// - Parameter name: as it is compared: in lower case.
  public func hash(_ name: String) -> UInt64 {
    // Of native strings this gives the bytes where they are.
    let fast = name.utf8.withContiguousStorageIfAvailable { hash(UnsafeRawBufferPointer($0)) }
    return fast ?? Array(name.utf8).withUnsafeBytes { hash($0) }
  }

  /// Of the bytes of a name, or of a part of it.
  public func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state = key ^ UInt64(truncatingIfNeeded: bytes.count)
    var position = 0
    while position &+ 8 <= bytes.count {
      state = Self.mixed(state, bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      position &+= 8
    }
    guard position < bytes.count else { return BucketKey.mix(state) }
    // The last bytes, some of them a second time: the length says which, and it is hashed too.
    if bytes.count >= 8 {
      return BucketKey.mix(Self.mixed(state, bytes.loadUnaligned(fromByteOffset: bytes.count &- 8, as: UInt64.self)))
    }
    var rest: UInt64 = 0
    for byte in bytes { rest = rest << 8 | UInt64(byte) }
    return BucketKey.mix(Self.mixed(state, rest))
  }

  private static func mixed(_ state: UInt64, _ word: UInt64) -> UInt64 {
    let product = (state ^ word).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
    return product.high ^ product.low
  }
}
