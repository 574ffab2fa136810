/// The name of a party in the network: one Hyper node, and the key of its directory entry (PROTOCOL.md, words used).
///
/// Any text is a name, because existing directories hold free names; dots are allowed. Comparison is byte for byte.
public struct OperatorName: Sendable {
  public let text: String

  public init(_ text: String) {
    self.text = text
  }
}

extension OperatorName: Hashable {
  public static func == (left: OperatorName, right: OperatorName) -> Bool {
    left.text.isExactly(right.text)
  }

  public func hash(into hasher: inout Hasher) {
    // Names with equal bytes are equal strings, so they have equal hashes.
    hasher.combine(text)
  }
}

extension OperatorName: CustomStringConvertible {
  public var description: String { text }
}

extension OperatorName: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) {
    self.init(value)
  }
}

extension OperatorName: Comparable {
  public static func < (left: OperatorName, right: OperatorName) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }
}
