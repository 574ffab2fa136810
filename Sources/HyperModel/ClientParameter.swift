/// Who called, as the called service learns it: the parameter `_client` that the broker puts into every request (PROTOCOL.md 5.5).
public struct ClientParameter: Hashable, Sendable {
  /// The parameter's name.
  public static let key = "_client"

  public let name: OperatorName
  public let entry: DirectoryEntry

  public init(entry: DirectoryEntry) {
    name = entry.name
    self.entry = entry
  }

  /// Reads the parameter out of a request's parameters, with the tolerance of `DirectoryEntry.init(json:)`.
  ///
  /// - Throws: `ShapeError` when it is missing or is no such parameter.
  public init(in params: [String: JSONValue]) throws(ShapeError) {
    let place = JSONCursor(params[Self.key], path: Self.key)
    name = OperatorName(try place["name"].string())
    entry = try DirectoryEntry(reading: place["entry"])
  }

  public var json: JSONValue { ["name": .string(name.text), "entry": entry.json] }
}
