/// Reading numbers and vectors out of received bytes, big-endian as on the wire. The loads check their bounds, need no alignment, and give
/// integers, which have no invalid bit patterns: nothing unsafe is left of them.
extension RawSpan {
  func byte(at offset: Int) -> UInt8 {
    unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// The number of two bytes.
  func pair(at offset: Int) -> Int {
    Int(UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)))
  }

  /// The number of four bytes.
  func quad(at offset: Int) -> UInt32 {
    UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// Eight bytes of a text at once, the first one lowest.
  @inline(__always)
  func eight(at offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}

// Fields of what the span holds, with the reason to give when one does not fit. A position is never negative nor behind the end, so
// nothing here overflows.
extension RawSpan {
  /// A big-endian number of 1 or 2 bytes; leaves the position behind it.
  @inline(__always)
  func integer(
    _ size: Int, at position: inout Int, else reason: HelloRefusal.Reason
  ) throws(HelloRefusal) -> Int {
    guard byteCount &- position >= size else { throw HelloRefusal(reason) }
    defer { position &+= size }
    return size == 1 ? Int(byte(at: position)) : pair(at: position)
  }

  /// The length in front of a vector; leaves the position behind it and returns where the vector ends.
  @inline(__always)
  func vector(
    _ size: Int, at position: inout Int, else reason: HelloRefusal.Reason
  ) throws(HelloRefusal) -> Int {
    let length = try integer(size, at: &position, else: reason)
    guard byteCount &- position >= length else { throw HelloRefusal(reason) }
    return position &+ length
  }
}
