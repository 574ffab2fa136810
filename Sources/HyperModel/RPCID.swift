/// The id of a JSON-RPC request in the one form that fits into an address (PROTOCOL.md 6.1, 21).
///
/// Numbers become `n:<decimal>`; strings that look like that already have their run of `n` doubled; other strings stay. The way back
/// gives the caller its own id and type.
public struct RPCID: Hashable, Sendable {
  /// The form for the inside of an address.
  public let inner: String

  /// Takes an inner form as it is.
  public init(inner: String) {
    self.inner = inner
  }

  /// What stands in the `id` member of a request.
  public enum Reading: Hashable, Sendable {
    /// No member, null or the empty string: the server makes an id of its own.
    case absent
    case given(RPCID)
    /// Not an id: a string of more than 1024 bytes, a number outside of the signed 32-bit range or with a fraction, or another type.
    case refused
  }

  /// The longest string that is an id, in bytes.
  public static let lengthLimit = 1024

  public static func read(_ json: JSONValue?) -> Reading {
    switch json {
    case nil, .null: return .absent
    case .string(let text):
      if text.isEmpty { return .absent }
      if text.utf8.count > lengthLimit { return .refused }
      return .given(RPCID(escaping: text))
    case .integer, .number:
      guard let whole = json?.integer, let number = Int32(exactly: whole) else { return .refused }
      return .given(RPCID(inner: "n:\(number)"))
    case .bool, .array, .object: return .refused
    }
  }

  /// The caller's own id.
  public var json: JSONValue {
    guard let marks = Self.numberMarks(inner) else { return .string(inner) }
    if marks == 1 {
      // More digits than fit can come from elsewhere only: then it is no number of ours.
      return Int64(inner.dropFirst(2)).map(JSONValue.integer) ?? .string(inner)
    }
    return .string(marks.isMultiple(of: 2) ? String(inner.dropFirst(marks / 2)) : inner)
  }

  private init(escaping text: String) {
    inner = String(repeating: "n", count: Self.numberMarks(text) ?? 0) + text
  }

  /// How many `n` stand in front when the text is `n…:` with an optional minus and 1 to 32 digits; nil for any other text.
  private static func numberMarks(_ text: String) -> Int? {
    let bytes = text.utf8
    let digitMark = bytes.drop { $0 == UInt8(ascii: "n") }
    let marks = bytes.distance(from: bytes.startIndex, to: digitMark.startIndex)
    guard marks > 0, digitMark.first == UInt8(ascii: ":") else { return nil }
    var digits = digitMark.dropFirst()
    if digits.first == UInt8(ascii: "-") { digits = digits.dropFirst() }
    guard (1...32).contains(digits.count), digits.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
    return marks
  }
}
