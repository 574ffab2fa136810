/// Takes one file through parse → include → reference → variables (PROTOCOL.md 2.2).
///
/// Lives inside one load; counts the files of that load.
final class FilePipeline {
  private let environment: [String: String]
  private let workingDirectory: String
  private let findings: Findings
  private(set) var files: [String] = []

  init(environment: [String: String], workingDirectory: String, _ findings: Findings) {
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.findings = findings
  }

  /// The finished tree of a file without its `vars`; nil when it could not be read or parsed, which has been reported then.
  ///
  /// - Parameters:
  ///   - path: Absolute, without `.` and `..`.
  ///   - origin: Where the file was asked for; nil for a source.
  ///   - trail: The files that include this one.
  func load(_ path: String, askedAt origin: SourcePosition? = nil, trail: [String] = []) -> SettingsValue? {
    let file = shown(path, from: workingDirectory)
    guard files.count < SettingsLimits.files else {
      findings.problem(at: origin, "", "more than \(SettingsLimits.files) settings files, included ones counted")
      return nil
    }
    files.append(file)
    guard let parsed = parse(path, file: file, askedAt: origin) else { return nil }
    let included = expand(parsed, in: path, trail: trail + [path])
    var references = References(included, findings)
    let resolved = references.resolved()
    var variables = Variables(contextOf: path, shownAs: file)
    if let definitions = resolved[Variables.key] { variables.define(definitions, environment: environment, findings) }
    return Substitution(variables, findings).apply(to: resolved.removing(Variables.key))
  }

  private func parse(_ path: String, file: String, askedAt origin: SourcePosition?) -> SettingsValue? {
    let text: String
    do throws(FileReadFailure) {
      text = try readSettingsFile(path)
    } catch {
      findings.problem(at: origin, origin == nil ? "" : Include.key, "cannot read \(file): \(error.message)", hint: error.hint)
      return nil
    }
    do throws(ParseFailure) {
      return path.hasSuffix(".json") ? try readJSON(text, file: file) : try readYAML(text, file: file)
    } catch {
      findings.problem(at: error.position, "", error.message, hint: error.hint)
      return nil
    }
  }

  // MARK: Includes

  /// Replaces `$include` everywhere in a tree.
  private func expand(_ value: SettingsValue, in path: String, trail: [String]) -> SettingsValue {
    var expanded = value
    switch value.content {
    case .null, .bool, .integer, .number, .string: break
    case .list(let elements):
      expanded.content = .list(
        elements.flatMap { element -> [SettingsValue] in
          let result = expand(element, in: path, trail: trail)
          // An included list is spliced in place; a list that stands here by itself stays a list.
          if case .list(let spliced) = result.content, Include(element)?.isAlone == true { return spliced }
          return [result]
        })
    case .map(let members):
      let others = members.filter { $0.key != Include.key }.map { member in
        SettingsValue.Member(key: member.key, position: member.position, value: expand(member.value, in: path, trail: trail))
      }
      expanded.content = .map(others)
      if let include = Include(value) { return combine(include, with: expanded, in: path, trail: trail) }
    }
    return expanded
  }

  /// Included files in their order, then the keys beside `$include` over them.
  private func combine(_ include: Include, with others: SettingsValue, in path: String, trail: [String]) -> SettingsValue {
    var combined = SettingsValue(.null, at: others.position)
    var hasLoaded = false
    for name in include.names(findings) {
      guard let value = load(name, from: path, trail: trail) else { continue }
      hasLoaded = true
      switch (combined.content, value.content) {
      case (.null, _), (.map, .map), (.list, .list): combined = combined.merged(with: value)
      default:
        findings.problem(
          at: name.position, Include.key, "expected \(combined.found) like the files before, found \(value.found) in the included file")
      }
    }
    // What could not be loaded has been reported; a map in its place keeps it from being reported once more as "nothing".
    if !hasLoaded { return others }
    if include.isAlone { return combined }
    switch combined.content {
    case .null, .map: return combined.merged(with: others)
    case .bool, .integer, .number, .string, .list:
      findings.problem(
        at: include.member.position, Include.key,
        "expected a map in the included file, because there are keys beside $include; found \(combined.found)")
      return others
    }
  }

  private func load(_ name: SettingsValue, from path: String, trail: [String]) -> SettingsValue? {
    guard case .string(let relative) = name.content else { return nil }
    if let reason = Include.refusal(relative) {
      findings.problem(at: name.position, Include.key, "expected \(reason), found \(name.found)")
      return nil
    }
    let target = absolute(relative, in: parent(of: path))
    guard !trail.contains(target) else {
      let circle = (trail + [target]).map { shown($0, from: workingDirectory) }.joined(separator: " → ")
      findings.problem(at: name.position, Include.key, "a circle of includes: \(circle)")
      return nil
    }
    guard trail.count <= SettingsLimits.includeDepth else {
      findings.problem(at: name.position, Include.key, "more than \(SettingsLimits.includeDepth) includes inside each other")
      return nil
    }
    guard let value = load(target, askedAt: name.position, trail: trail) else { return nil }
    // The deployed loader's second pass: `$$DIR` in an included file is the folder of the file that includes it.
    let context = Variables(contextOf: path, shownAs: shown(path, from: workingDirectory))
    return Substitution(context, findings).apply(to: value)
  }
}

/// The `$include` of a map.
private struct Include {
  static let key = "$include"

  let member: SettingsValue.Member
  /// Whether the map has no other key.
  let isAlone: Bool

  /// Nil for every other value.
  init?(_ value: SettingsValue) {
    guard let members = value.members, let member = members.first(where: { $0.key == Self.key }) else { return nil }
    self.member = member
    self.isAlone = members.count == 1
  }

  /// The named files, each a string with its position.
  func names(_ findings: Findings) -> [SettingsValue] {
    let candidates: [SettingsValue] =
      if case .list(let elements) = member.value.content { elements } else { [member.value] }
    return candidates.filter { candidate in
      if case .string = candidate.content { return true }
      findings.problem(at: candidate.position, Self.key, "expected a file name or a list of them, found \(candidate.found)")
      return false
    }
  }

  /// What is wrong with a name; nil when nothing is.
  static func refusal(_ name: String) -> String? {
    if name.hasPrefix("/") { return "a path relative to this file" }
    return hasSettingsEnding(name) ? nil : "a file ending in .yml or .json"
  }
}

extension SettingsValue {
  fileprivate func removing(_ key: String) -> SettingsValue {
    guard let members else { return self }
    var rest = self
    rest.content = .map(members.filter { $0.key != key })
    return rest
  }
}
