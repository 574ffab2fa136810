/// A position in a handshake message that lies in records: it hops over record headers, so that nothing is copied.
///
/// Only for a message that `RecordScanner` has found complete: it follows the record lengths without checking them again.
/// Reading past the message is our own mistake and traps at the end of the bytes.
struct MessageCursor: Sendable {
  /// Where in the message the next byte stands.
  private(set) var position = 0
  /// Where in the received bytes the next byte stands, or the header of its record.
  private var offset = 0
  /// Bytes left in the current record.
  private var fragmentLeft = 0

  @inline(__always)
  mutating func next(in bytes: RawSpan) -> UInt8 {
    enterRecord(in: bytes)
    let byte = bytes.byte(at: offset)
    move(by: 1)
    return byte
  }

  @inline(__always)
  mutating func skip(_ count: Int, in bytes: RawSpan) {
    var left = count
    while left > 0 {
      enterRecord(in: bytes)
      let step = min(left, fragmentLeft)
      move(by: step)
      left -= step
    }
  }

  @inline(__always)
  private mutating func enterRecord(in bytes: RawSpan) {
    if fragmentLeft == 0 { enterNextRecord(in: bytes) }
  }

  private mutating func enterNextRecord(in bytes: RawSpan) {
    while fragmentLeft == 0 {
      fragmentLeft = Int(bytes.byte(at: offset + 3)) << 8 | Int(bytes.byte(at: offset + 4))
      offset += RecordScanner.recordHeaderBytes
    }
  }

  @inline(__always)
  private mutating func move(by count: Int) {
    position += count
    offset += count
    fragmentLeft -= count
  }
}
