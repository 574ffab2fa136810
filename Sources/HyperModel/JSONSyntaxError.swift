/// Why bytes are no JSON text, and where.
public struct JSONSyntaxError: Error, Hashable, Sendable {
  /// The place of the first byte that does not fit, counted from 0.
  public let offset: Int
  public let reason: Reason

  /// What was found at the offset.
  public enum Reason: Hashable, Sendable {
    case unexpectedEnd
    /// A byte that cannot stand there.
    case unexpectedByte(UInt8)
    /// The text is a whole value, but something follows it.
    case trailingBytes
    /// Bytes that are not UTF-8 inside a string.
    case invalidUTF8
    /// A backslash followed by something that RFC 8259 section 7 does not list.
    case invalidEscape
    /// A control character inside a string must be escaped (RFC 8259 section 7).
    case unescapedControlCharacter
    /// A number too large for a double.
    case numberOutOfRange
    /// Lists and objects nested deeper than the limit.
    case tooDeep
  }

  public init(offset: Int, reason: Reason) {
    self.offset = offset
    self.reason = reason
  }
}

extension JSONSyntaxError: CustomStringConvertible {
  public var description: String {
    let what =
      switch reason {
      case .unexpectedEnd: "the text ends inside a value"
      case .unexpectedByte(let byte) where byte > 0x20 && byte < 0x7f: "unexpected '\(Character(Unicode.Scalar(byte)))'"
      case .unexpectedByte(let byte): "unexpected byte 0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))"
      case .trailingBytes: "more text after the value"
      case .invalidUTF8: "invalid UTF-8"
      case .invalidEscape: "invalid escape in a string"
      case .unescapedControlCharacter: "control character in a string"
      case .numberOutOfRange: "number out of range"
      case .tooDeep: "nested too deeply"
      }
    return "\(what) at byte \(offset)"
  }
}
