/// A place in a JSON value that knows its path, for readers with good error messages.
struct JSONCursor {
  /// Nil when the place does not exist.
  let value: JSONValue?
  let path: String

  init(_ value: JSONValue?, path: String = "") {
    self.value = value
    self.path = path
  }

  subscript(key: String) -> JSONCursor {
    JSONCursor(value?[key], path: path.isEmpty ? key : "\(path).\(key)")
  }

  /// Null counts as absent everywhere in the protocol.
  var isAbsent: Bool { value == nil || value == .null }

  func object() throws(ShapeError) -> [String: JSONValue] {
    guard let members = value?.object else { throw unexpected("an object") }
    return members
  }

  func optionalObject() throws(ShapeError) -> [String: JSONValue]? {
    isAbsent ? nil : try object()
  }

  func string() throws(ShapeError) -> String {
    guard let text = value?.string else { throw unexpected("a string") }
    return text
  }

  /// A string, or the empty one when absent.
  func optionalString() throws(ShapeError) -> String {
    isAbsent ? "" : try string()
  }

  func elements() throws(ShapeError) -> [JSONCursor] {
    guard let elements = value?.array else { throw unexpected("a list") }
    return elements.enumerated().map { JSONCursor($1, path: "\(path)[\($0)]") }
  }

  /// A list, or the empty one when absent.
  func optionalElements() throws(ShapeError) -> [JSONCursor] {
    isAbsent ? [] : try elements()
  }

  func unexpected(_ expected: String) -> ShapeError {
    let found =
      switch value {
      case nil: "nothing"
      case .null: "null"
      case .bool(let flag): flag ? "true" : "false"
      case .integer, .number: "a number"
      case .string(let text): text.shortened
      case .array: "a list"
      case .object: "an object"
      }
    return ShapeError(path: path, expected: expected, found: found)
  }
}
