/// Writes protobuf messages (protobuf encoding guide).
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  init(capacity: Int = 256) {
    bytes.reserveCapacity(capacity)
  }

  mutating func varint(_ field: UInt8, _ value: UInt64) {
    bytes.append(field << 3)
    append(value)
  }

  mutating func fixed64(_ field: UInt8, _ value: UInt64) {
    bytes.append(field << 3 | 1)
    for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
  }

  mutating func string(_ field: UInt8, _ text: String) {
    var text = text
    text.withUTF8 { content in
      bytes.append(field << 3 | 2)
      append(UInt64(content.count))
      bytes += content
    }
  }

  /// A message that is encoded already.
  mutating func message(_ field: UInt8, _ encoded: [UInt8]) {
    bytes.append(field << 3 | 2)
    append(UInt64(encoded.count))
    bytes += encoded
  }

  /// A message that is written now. Its length stands before it and is known behind it: most need one byte for it, the others are moved.
  mutating func message(_ field: UInt8, _ write: (inout ProtobufWriter) -> Void) {
    bytes.append(field << 3 | 2)
    bytes.append(0)
    let start = bytes.count
    write(&self)
    var rest = UInt64(bytes.count - start)
    if rest < 0x80 {
      bytes[start - 1] = UInt8(rest)
      return
    }
    bytes[start - 1] = UInt8(rest & 0x7f) | 0x80
    rest >>= 7
    var more: [UInt8] = []
    while rest >= 0x80 {
      more.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    more.append(UInt8(rest))
    bytes.insert(contentsOf: more, at: start)
  }

  private mutating func append(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
