// Results and error data travel between nodes as objects only (PROTOCOL.md 6.1).
extension JSONValue {
  /// The object that carries this value between nodes: objects as they are, null as the empty object, everything else as `{"_": value}`.
  public var wrappedForMesh: [String: JSONValue] {
    switch self {
    case .object(let members): members
    case .null: [:]
    case .bool, .integer, .number, .string, .array: [Self.wrapper: self]
    }
  }

  /// The value that an object from another node carries. An object whose only key is `_` is always unwrapped.
  public var unwrappedFromMesh: JSONValue {
    guard case .object(let members) = self, members.count == 1, let value = members[Self.wrapper] else { return self }
    return value
  }

  private static let wrapper = "_"
}
