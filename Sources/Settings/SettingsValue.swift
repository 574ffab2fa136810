/// A value of the settings tree that knows where it was written.
///
/// Maps keep the order of the file; their keys are unique.
public struct SettingsValue: Sendable, Equatable {
  public var content: Content
  public var position: SourcePosition
  /// The text of an unquoted YAML scalar, for keys whose notation matters (`socket_mode: 0660`); nil otherwise.
  public var spelling: String?
  /// Whether the value came from the environment: then messages never show it, because it may be a secret.
  public var isConcealed: Bool

  public init(_ content: Content, at position: SourcePosition, spelling: String? = nil, isConcealed: Bool = false) {
    self.content = content
    self.position = position
    self.spelling = spelling
    self.isConcealed = isConcealed
  }

  /// What a value can be; the union of what YAML 1.1 and JSON can say in settings.
  public enum Content: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case list([SettingsValue])
    case map([Member])
  }

  /// One key of a map with its value; the key has a position of its own.
  public struct Member: Sendable, Equatable {
    public var key: String
    public var position: SourcePosition
    public var value: SettingsValue

    public init(key: String, position: SourcePosition, value: SettingsValue) {
      self.key = key
      self.position = position
      self.value = value
    }
  }
}

extension SettingsValue {
  /// The member of a map; nil when this is no map or has no such key.
  public subscript(key: String) -> SettingsValue? {
    members?.first { $0.key == key }?.value
  }

  var members: [Member]? {
    guard case .map(let members) = content else { return nil }
    return members
  }

  /// Null and the empty string both stand for "not given" (PROTOCOL.md 2.4).
  var isAbsent: Bool { content == .null || content == .string("") }

  /// The same value as if it had been written somewhere else, for text that a variable brought in.
  func moved(to position: SourcePosition, concealed: Bool) -> SettingsValue {
    let moved: Content =
      switch content {
      case .null, .bool, .integer, .number, .string: content
      case .list(let elements): .list(elements.map { $0.moved(to: position, concealed: concealed) })
      case .map(let members):
        .map(members.map { Member(key: $0.key, position: position, value: $0.value.moved(to: position, concealed: concealed)) })
      }
    return SettingsValue(moved, at: position, spelling: concealed ? nil : spelling, isConcealed: concealed || isConcealed)
  }

  /// What was found, in words for a message.
  var found: String {
    switch content {
    case .null: return "nothing"
    case .list(let elements): return elements.isEmpty ? "an empty list" : "a list"
    case .map: return "a map"
    case .bool, .integer, .number, .string: break
    }
    if isConcealed { return "a value from the environment (not shown)" }
    switch content {
    case .bool(let flag): return "the boolean \(spelling ?? "\(flag)")"
    case .integer(let value): return "the whole number \(spelling ?? "\(value)")"
    case .number(let value): return "the number \(spelling ?? "\(value)")"
    case .string(let text): return "the string \(quoted(text))"
    case .null, .list, .map: return "nothing"
    }
  }
}

/// Text from a file as it may stand in a message: shortened, control characters escaped.
func quoted(_ text: String, limit: Int = 80) -> String {
  var shown = "\""
  for scalar in text.unicodeScalars.prefix(limit) {
    switch scalar {
    case "\"", "\\": shown += "\\\(scalar)"
    case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): shown += scalar.escaped(asASCII: true)
    default: shown.unicodeScalars.append(scalar)
    }
  }
  return shown + (text.unicodeScalars.count > limit ? "…\"" : "\"")
}
