/// Reads the fields of one protobuf message out of its bytes, in the order in which they come (protobuf encoding guide).
///
/// Groups, which proto3 does not have, are refused. Every read is checked against the message's end; nothing is copied but strings.
struct ProtobufReader {
  enum Failure: Error, Hashable {
    case truncated
    case badVarint
    case badTag
    case invalidUTF8
    case tooDeep
  }

  /// What a field holds, as its wire type tells.
  enum Content {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32
    /// A string, bytes or a message.
    case delimited(Range<Int>)
  }

  private let bytes: [UInt8]
  private var position: Int
  private let end: Int

  init(_ bytes: [UInt8]) {
    self.init(bytes, bytes.indices)
  }

  private init(_ bytes: [UInt8], _ range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  /// The next field; nil at the end.
  mutating func next() throws(Failure) -> (field: UInt64, content: Content)? {
    guard position < end else { return nil }
    let tag = try varint()
    let field = tag >> 3
    guard field > 0, field < 1 << 29 else { throw .badTag }
    switch tag & 7 {
    case 0: return (field, .varint(try varint()))
    case 1: return (field, .fixed64(try fixed64()))
    case 2:
      let length = try varint()
      guard length <= UInt64(end - position) else { throw .truncated }
      let range = position..<position + Int(length)
      position = range.upperBound
      return (field, .delimited(range))
    case 5:
      guard end - position >= 4 else { throw .truncated }
      position += 4
      return (field, .fixed32)
    default: throw .badTag
    }
  }

  func string(_ range: Range<Int>) throws(Failure) -> String {
    guard let text = String(validating: bytes[range], as: UTF8.self) else { throw .invalidUTF8 }
    return text
  }

  /// The message inside of a field.
  func message(_ range: Range<Int>) -> ProtobufReader { ProtobufReader(bytes, range) }

  /// Whether a string has exactly these bytes.
  func holds(_ range: Range<Int>, _ text: String) -> Bool { bytes[range].elementsEqual(text.utf8) }

  private mutating func varint() throws(Failure) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end {
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
      if shift > 63 { throw .badVarint }
    }
    throw .truncated
  }

  private mutating func fixed64() throws(Failure) -> UInt64 {
    guard end - position >= 8 else { throw .truncated }
    var value: UInt64 = 0
    for index in 0..<8 { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
    position += 8
    return value
  }
}
