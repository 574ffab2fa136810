/// Where a request goes, as its id says: `OPERATOR.METHOD(INNER)` (PROTOCOL.md 5.1, 21).
public struct MethodAddress: Hashable, Sendable {
  public let operatorName: OperatorName
  public let method: String
  /// What tells requests apart: the caller's own id, in the form of `RPCID`.
  public let inner: String

  public init(operatorName: OperatorName, method: String, inner: String) {
    self.operatorName = operatorName
    self.method = method
    self.inner = inner
  }

  /// Reads an addressed id.
  ///
  /// The operator is everything before the last dot that makes the rest fit, may be empty and holds no newline; the method is not empty
  /// and holds neither `(` nor a dot; the inner id is not empty and holds no `)`. Takes time proportional to the length of the id.
  public init?(parsing id: String) {
    let bytes = Array(id.utf8)
    guard bytes.last == UInt8(ascii: ")") else { return nil }
    let body = bytes.dropLast()
    let innerMustStartAt = body.lastIndex(of: UInt8(ascii: ")")).map { $0 + 1 } ?? 0
    let firstNewline = body.firstIndex(of: 0x0a) ?? body.endIndex

    for dot in body.indices.reversed() where body[dot] == UInt8(ascii: ".") && dot <= firstNewline {
      let rest = body[(dot + 1)...]
      guard let mark = rest.firstIndex(where: { $0 == UInt8(ascii: "(") || $0 == UInt8(ascii: ".") }) else { continue }
      guard rest[mark] == UInt8(ascii: "("), mark > rest.startIndex else { continue }
      let inner = rest[(mark + 1)...]
      guard !inner.isEmpty, inner.startIndex >= innerMustStartAt else { continue }
      self.init(
        operatorName: OperatorName(String(decoding: body[..<dot], as: UTF8.self)),
        method: String(decoding: rest[..<mark], as: UTF8.self),
        inner: String(decoding: inner, as: UTF8.self))
      return
    }
    return nil
  }

  /// `OPERATOR.METHOD(INNER)`
  public var id: String { "\(methodText)(\(inner))" }

  /// `OPERATOR.METHOD`
  public var methodText: String { "\(operatorName.text).\(method)" }

  /// Whether the id of this address reads back as this address; an inner id from a local program can make it unreadable.
  public var isReadable: Bool {
    guard let read = MethodAddress(parsing: id) else { return false }
    return read.operatorName == operatorName && read.method.isExactly(method) && read.inner.isExactly(inner)
  }

  /// Whether a request's method text is the one of this address, byte for byte.
  public func agrees(withMethodText text: String) -> Bool {
    methodText.isExactly(text)
  }

  /// Takes `OPERATOR.METHOD` apart at the last dot; nil when no address can come out of it.
  public static func split(methodText: String) -> (operatorName: OperatorName, method: String)? {
    let bytes = Array(methodText.utf8)
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    let method = bytes[(dot + 1)...]
    guard !method.isEmpty, !method.contains(UInt8(ascii: "(")), !bytes[..<dot].contains(0x0a) else { return nil }
    return (OperatorName(String(decoding: bytes[..<dot], as: UTF8.self)), String(decoding: method, as: UTF8.self))
  }
}

extension MethodAddress: CustomStringConvertible {
  public var description: String { id }
}
