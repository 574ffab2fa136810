/// Replaces maps of the form `{$ref: "a.b.0"}` by the value at that path of the same file (PROTOCOL.md 2.2, step 3).
///
/// A reference may lead to or through another one; a circle is reported. Lives inside one call.
struct References {
  static let key = "$ref"

  private let root: SettingsValue
  private let findings: Findings
  private var copied = 0

  init(_ root: SettingsValue, _ findings: Findings) {
    self.root = root
    self.findings = findings
  }

  mutating func resolved() -> SettingsValue { resolve(root, through: []) }

  private mutating func resolve(_ value: SettingsValue, through trail: [String]) -> SettingsValue {
    if !trail.isEmpty {
      copied += 1
      guard copied <= SettingsLimits.values else {
        if copied == SettingsLimits.values + 1 {
          findings.problem(at: value.position, "", "more than \(SettingsLimits.values) values, references unfolded")
        }
        return SettingsValue(.null, at: value.position)
      }
    }
    if let reference = Self.reference(value) {
      return follow(reference, through: trail) ?? SettingsValue(.null, at: value.position)
    }
    var resolved = value
    switch value.content {
    case .list(let elements):
      resolved.content = .list(elements.map { resolve($0, through: trail) })
    case .map(let members):
      resolved.content = .map(
        members.map { member in
          if member.key == Self.key {
            findings.problem(
              at: member.position, Self.key,
              members.count > 1
                ? "expected to be the only key of its map, found \(members.count - 1) more"
                : "expected a path like \"a.b.0\", found \(member.value.found)")
          }
          return SettingsValue.Member(key: member.key, position: member.position, value: resolve(member.value, through: trail))
        })
    case .null, .bool, .integer, .number, .string: break
    }
    return resolved
  }

  /// The path of a reference; nil for every other value.
  private static func reference(_ value: SettingsValue) -> SettingsValue? {
    guard let members = value.members, members.count == 1, let only = members.first, only.key == key, case .string = only.value.content
    else { return nil }
    return only.value
  }

  private mutating func follow(_ reference: SettingsValue, through trail: [String]) -> SettingsValue? {
    guard case .string(let path) = reference.content else { return nil }
    guard !trail.contains(path) else {
      findings.problem(at: reference.position, Self.key, "a circle of references: \((trail + [path]).joined(separator: " → "))")
      return nil
    }
    guard let target = lookUp(path, reference, through: trail + [path]) else { return nil }
    return resolve(target, through: trail + [path])
  }

  private mutating func lookUp(_ path: String, _ reference: SettingsValue, through trail: [String]) -> SettingsValue? {
    var current = root
    var walked: [Substring] = []
    for component in path.split(separator: ".", omittingEmptySubsequences: false) {
      if let inner = Self.reference(current) {
        guard let target = follow(inner, through: trail) else { return nil }
        current = target
      }
      guard let next = Self.step(from: current, component) else {
        let place = walked.isEmpty ? "the file" : quoted(walked.joined(separator: "."))
        let hint = current.members.flatMap { suggestion(for: String(component), among: $0.map(\.key)) }
        findings.problem(
          at: reference.position, Self.key, "\(quoted(path)) leads nowhere: \(place) has no \(quoted(String(component)))", hint: hint)
        return nil
      }
      current = next
      walked.append(component)
    }
    return current
  }

  private static func step(from value: SettingsValue, _ component: Substring) -> SettingsValue? {
    switch value.content {
    case .map: return value[String(component)]
    case .list(let elements):
      guard !component.isEmpty, component.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let index = Int(component) else { return nil }
      return elements.indices.contains(index) ? elements[index] : nil
    case .null, .bool, .integer, .number, .string: return nil
    }
  }
}
