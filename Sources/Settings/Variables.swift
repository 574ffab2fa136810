/// The `vars` of one file: definitions read and looked up (PROTOCOL.md 2.2, step 4).
struct Variables {
  static let key = "vars"

  /// Values by name. A variable whose definition is wrong has been reported and stands here as null in `broken`.
  private(set) var values: [String: SettingsValue] = [:]
  private(set) var broken: Set<String> = []

  /// The two variables that every file has; they override definitions of the same name.
  ///
  /// - Parameter path: The file, absolute; both variables lack the leading slash, which is why settings write `/$DIR/…`.
  init(contextOf path: String, shownAs file: String) {
    let relative = path.drop { $0 == "/" }
    let directory = relative.lastIndex(of: "/").map { relative[..<$0] } ?? ""
    let position = SourcePosition(file: file, line: 1, column: 1)
    values["PATH"] = SettingsValue(.string(String(relative)), at: position)
    values["DIR"] = SettingsValue(.string(String(directory)), at: position)
  }

  /// Adds the definitions of the file's `vars` map.
  mutating func define(_ definitions: SettingsValue, environment: [String: String], _ findings: Findings) {
    guard let members = definitions.members else {
      if definitions.content != .null {
        findings.problem(at: definitions.position, Self.key, "expected a map, found \(definitions.found)")
      }
      return
    }
    for member in members {
      let path = "\(Self.key).\(member.key)"
      guard isVariableName(member.key) else {
        findings.problem(
          at: member.position, path, "expected a name of letters, digits and _ that starts with a letter, found \(quoted(member.key))")
        continue
      }
      guard case .map = member.value.content else {
        findings.problem(at: member.value.position, path, "expected a map, found \(member.value.found)")
        broken.insert(member.key)
        continue
      }
      let value = VariableDefinition(Section(member.value, path: path, findings)).value(environment: environment)
      // Context variables win.
      guard values[member.key] == nil else { continue }
      if let value { values[member.key] = value } else { broken.insert(member.key) }
    }
  }
}

/// One definition: where the value comes from and what it must be.
private struct VariableDefinition {
  enum Kind: String, CaseIterable {
    case string, int, float, json, yaml, any
  }

  let section: Section

  init(_ section: Section) {
    self.section = section
  }

  /// Nil when something is wrong, which has been reported then.
  func value(environment: [String: String]) -> SettingsValue? {
    let kind: Kind? = section.required("type", placeholder: nil) { text throws(TextMismatch) in
      guard let kind = Kind(rawValue: text) else { throw TextMismatch("one of \(Kind.allCases.map(\.rawValue).joined(separator: ", "))") }
      return kind
    }
    let source = section.requiredString("source")
    let value: SettingsValue?
    switch source {
    case "env": value = fromEnvironment(environment)
    case "literal": value = literal()
    default:
      value = nil
      if source == "prompt" {
        section.fail("source", "the source \"prompt\" is not supported", hint: "use source: env")
        section.ignore("sensitive")
      } else if !source.isEmpty {
        section.mismatch("source", expected: "env or literal")
      }
      for key in ["variable", "required", "default", "value"] { section.ignore(key) }
    }
    section.finish()
    guard let kind, let value else { return nil }
    return checked(value, kind)
  }

  /// An empty environment variable counts as unset, as an empty default counts as none.
  private func fromEnvironment(_ environment: [String: String]) -> SettingsValue? {
    let name = section.requiredString("variable")
    let isRequired = section.bool("required", default: false)
    let fallback = section.member("default")
    guard !name.isEmpty else { return nil }
    if let text = environment[name], !text.isEmpty {
      return SettingsValue(.string(text), at: section.value.position, isConcealed: true)
    }
    if let fallback { return fallback }
    if isRequired {
      section.fail("variable", "expected the environment variable \(name) to be set, found nothing", hint: "set it, or give a default")
      return nil
    }
    return SettingsValue(.null, at: section.value.position)
  }

  private func literal() -> SettingsValue? {
    section.ignore("value")
    guard let value = section.value["value"] else {
      section.fail("value", "expected a value, found nothing")
      return nil
    }
    return value
  }

  /// The value in its type; null needs no type.
  private func checked(_ value: SettingsValue, _ kind: Kind) -> SettingsValue? {
    switch (kind, value.content) {
    case (_, .null), (.any, _), (.string, .string), (.int, .integer), (.float, .integer), (.float, .number): return value
    case (.int, .number(let number)):
      if let whole = Int64(exactly: number) { return value.with(.integer(whole)) }
    case (.int, .string(let text)):
      if let number = Int64(text) { return value.with(.integer(number)) }
    case (.float, .string(let text)):
      if let number = Double(text), number.isFinite { return value.with(.number(number)) }
    case (.json, .string(let text)): return parsed(value) { () throws(ParseFailure) in try readJSON(text, file: "") }
    case (.yaml, .string(let text)): return parsed(value) { () throws(ParseFailure) in try readYAML(text, file: "") }
    case (.string, _), (.int, _), (.float, _), (.json, _), (.yaml, _): break
    }
    report(value, "expected a value of type \(kind.rawValue), found \(value.found)")
    return nil
  }

  private func parsed(_ value: SettingsValue, _ read: () throws(ParseFailure) -> SettingsValue) -> SettingsValue? {
    do throws(ParseFailure) {
      return try read().moved(to: value.position, concealed: value.isConcealed)
    } catch {
      // What stands in the text is not shown when it may be a secret.
      let place = "at \(error.position.line):\(error.position.column) of its text"
      report(value, value.isConcealed ? "cannot be parsed, \(place)" : "\(error.message), \(place)")
      return nil
    }
  }

  private func report(_ value: SettingsValue, _ message: String) {
    section.findings.problem(at: value.position, section.path, message)
  }
}

extension SettingsValue {
  fileprivate func with(_ content: Content) -> SettingsValue {
    SettingsValue(content, at: position, isConcealed: isConcealed)
  }
}

func isVariableName(_ text: some StringProtocol) -> Bool {
  guard let first = text.utf8.first, isLetter(first) else { return false }
  return text.utf8.allSatisfy(isNameByte)
}

func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }

func isNameByte(_ byte: UInt8) -> Bool { isLetter(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_") }
