/// A JSON value that is not what stands in its place in the protocol.
public struct ShapeError: Error, Hashable, Sendable {
  /// Where, for instance `data[2].permissions[0].group`; empty for the value as a whole.
  public let path: String
  /// What belongs there, in words.
  public let expected: String
  /// What was there, in words; peers' text is shortened and escaped.
  public let found: String

  public init(path: String, expected: String, found: String) {
    self.path = path
    self.expected = expected
    self.found = found
  }
}

extension ShapeError: CustomStringConvertible {
  public var description: String {
    "\(path.isEmpty ? "" : "\(path): ")expected \(expected), found \(found)"
  }
}
