/// One entry of the existing file format: a type, an id, and data (PROTOCOL.md 12).
struct DataEntry: Hashable, Sendable {
  /// Of the entry's bytes.
  private static let version: UInt8 = 1

  var type: UInt8
  var id: [UInt8]
  var data: [UInt8]

  init(type: UInt8, id: [UInt8], data: [UInt8]) {
    self.type = type
    self.id = id
    self.data = data
  }

  /// `01`, type, length of the id (u16 LE), id, data to the end. Nil for anything else.
  init?(bytes: [UInt8]) {
    guard bytes.count >= 4, bytes[0] == Self.version else { return nil }
    let length = Int(bytes[2]) | Int(bytes[3]) << 8
    guard bytes.count >= 4 + length else { return nil }
    self.init(type: bytes[1], id: Array(bytes[4..<4 + length]), data: Array(bytes[(4 + length)...]))
  }

  var bytes: [UInt8] { [Self.version, type] + UInt16(truncatingIfNeeded: id.count).littleEndianBytes + id + data }
}

extension UInt16 {
  var littleEndianBytes: [UInt8] { [UInt8(truncatingIfNeeded: self), UInt8(truncatingIfNeeded: self >> 8)] }
}
