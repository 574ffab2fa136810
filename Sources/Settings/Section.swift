/// A map that is being checked: every question asked makes a key known, what is left over at the end is an unknown key.
///
/// Reports into `Findings` and goes on with a default or a placeholder, so that all problems are found at once; whoever
/// made the `Findings` throws at the end, so placeholders never leave the target. A class because closures share it; it
/// lives inside one synchronous call.
final class Section {
  let value: SettingsValue
  let path: String
  let findings: Findings
  private var known: [String] = []

  /// - Parameter value: A map.
  init(_ value: SettingsValue, path: String, _ findings: Findings) {
    self.value = value
    self.path = path
    self.findings = findings
  }

  /// Reports what nobody asked for.
  func finish() {
    for member in value.members ?? [] where !known.contains(member.key) {
      findings.problem(
        at: member.position, path(of: member.key), "unknown key", hint: suggestion(for: member.key, among: known))
    }
  }

  // MARK: What is there

  /// The value of a key; nil when it is missing, null or the empty string (PROTOCOL.md 2.4).
  func member(_ key: String, required: Bool = false, expected: String = "a value") -> SettingsValue? {
    known.append(key)
    let found = value[key]
    if let found, !found.isAbsent { return found }
    if required {
      findings.problem(
        at: found?.position ?? value.position, path(of: key), "expected \(expected), found \(found.map(\.found) ?? "nothing")")
    }
    return nil
  }

  /// Whether the key has a value.
  func has(_ key: String) -> Bool {
    known.append(key)
    return value[key].map { !$0.isAbsent } ?? false
  }

  // MARK: Maps and lists

  func section(_ key: String, required: Bool = false) -> Section? {
    guard let member = member(key, required: required, expected: "a map") else { return nil }
    guard case .map = member.content else {
      mismatch(key, expected: "a map")
      return nil
    }
    return Section(member, path: path(of: key), findings)
  }

  /// The maps of a list.
  func sections(_ key: String, required: Bool = false) -> [Section] {
    elements(key, required: required).compactMap { element, path in
      guard case .map = element.content else {
        findings.problem(at: element.position, path, "expected a map, found \(element.found)")
        return nil
      }
      return Section(element, path: path, findings)
    }
  }

  /// The elements of a list, each with its key path.
  func elements(_ key: String, required: Bool = false) -> [(SettingsValue, String)] {
    guard let member = member(key, required: required, expected: "a list") else { return [] }
    guard case .list(let elements) = member.content else {
      mismatch(key, expected: "a list")
      return []
    }
    return elements.enumerated().map { ($1, "\(path(of: key))[\($0)]") }
  }

  // MARK: Reporting

  /// Reports a problem with a key, at its value or, when it is missing, at the map.
  func fail(_ key: String, _ message: String, hint: String? = nil) {
    findings.problem(at: value[key]?.position ?? value.position, path(of: key), message, hint: hint)
  }

  func mismatch(_ key: String, expected: String, hint: String? = nil) {
    fail(key, "expected \(expected), found \(value[key]?.found ?? "nothing")", hint: hint)
  }

  func warn(_ key: String, _ message: String, hint: String? = nil) {
    findings.warning(at: value[key]?.position ?? value.position, path(of: key), message, hint: hint)
  }

  /// A key of existing files that never did anything: a warning when it is there. It is never suggested for a typing error.
  func dead(_ key: String, _ message: String, hint: String? = nil) {
    guard let member = value.members?.first(where: { $0.key == key }) else { return }
    known.append(key)
    findings.warning(at: member.position, path(of: key), message, hint: hint)
  }

  /// A key of the reference that we do not have yet.
  func unsupported(_ key: String) {
    if has(key) { fail(key, "not supported yet") }
  }

  /// A key that is not looked into, because something else about the map has been refused.
  func ignore(_ key: String) {
    known.append(key)
  }

  func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
