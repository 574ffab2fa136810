extension JSONValue {
  /// The value as compact JSON text in UTF-8, object keys sorted, so that equal values give equal bytes.
  ///
  /// Whole doubles are written without a fraction, as existing nodes write them; what JSON cannot say (infinity, not a number) becomes null.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    serialize(into: &bytes)
    return bytes
  }

  /// Appends the same to what there is.
  public func serialize(into bytes: inout [UInt8]) {
    var writer = JSONWriter(bytes: bytes)
    // The writer has the only reference, so that nothing is copied.
    bytes = []
    writer.write(self)
    bytes = writer.bytes
  }

  /// The same as a string.
  public var text: String { String(decoding: serialized(), as: UTF8.self) }
}

private struct JSONWriter {
  var bytes: [UInt8]

  mutating func write(_ value: JSONValue) {
    switch value {
    case .null: write(word: "null")
    case .bool(let flag): write(word: flag ? "true" : "false")
    case .integer(let number): bytes += String(number).utf8
    case .number(let number): write(number)
    case .string(let text): write(string: text)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        write(element)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        write(string: member.key)
        bytes.append(UInt8(ascii: ":"))
        write(member.value)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private mutating func write(word: StaticString) {
    bytes += word.description.utf8
  }

  private mutating func write(_ number: Double) {
    if let whole = Int64(exactly: number) {
      bytes += String(whole).utf8
    } else if number.isFinite {
      bytes += number.description.utf8
    } else {
      write(word: "null")
    }
  }

  private mutating func write(string text: String) {
    bytes.append(UInt8(ascii: "\""))
    // By far the most strings need no escape.
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
      bytes += text.utf8
    } else {
      writeEscaped(text)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func writeEscaped(_ text: String) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0x0a: write(word: "\\n")
      case 0x0d: write(word: "\\r")
      case 0x09: write(word: "\\t")
      case 0x00..<0x20:
        write(word: byte < 0x10 ? "\\u000" : "\\u00")
        bytes += String(byte, radix: 16).utf8
      default: bytes.append(byte)
      }
    }
  }
}
