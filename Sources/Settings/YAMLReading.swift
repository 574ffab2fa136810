import Yams

/// Reads one YAML document into a tree with positions.
///
/// - Throws: `ParseFailure` for syntax errors, duplicate keys, keys that are no strings, unknown tags, and a tree that is too large.
func readYAML(_ text: String, file: String) throws(ParseFailure) -> SettingsValue {
  var conversion = YAMLConversion(file: file)
  let node: Node?
  do {
    node = try compose(yaml: text)
  } catch let error as YamlError {
    throw ParseFailure(error, text: text, file: file)
  } catch {
    throw ParseFailure(position: SourcePosition(file: file, line: 1, column: 1), message: "cannot be read as YAML: \(error)")
  }
  guard let node else { return SettingsValue(.null, at: SourcePosition(file: file, line: 1, column: 1)) }
  return try conversion.value(of: node, depth: 0)
}

private struct YAMLConversion {
  let file: String
  var count = 0

  mutating func value(of node: Node, depth: Int) throws(ParseFailure) -> SettingsValue {
    let position = position(of: node)
    count += 1
    guard count <= SettingsLimits.values else {
      throw ParseFailure(position: position, message: "more than \(SettingsLimits.values) values, aliases unfolded")
    }
    guard depth <= SettingsLimits.nesting else {
      throw ParseFailure(position: position, message: "more than \(SettingsLimits.nesting) maps and lists inside each other")
    }
    switch node {
    case .scalar(let scalar): return try self.scalar(scalar, at: position)
    case .mapping(let mapping):
      try check(mapping.tag, is: "map", at: position)
      return SettingsValue(.map(try members(of: mapping, depth: depth)), at: position)
    case .sequence(let sequence):
      try check(sequence.tag, is: "seq", at: position)
      var elements: [SettingsValue] = []
      for element in sequence { elements.append(try value(of: element, depth: depth + 1)) }
      return SettingsValue(.list(elements), at: position)
    case .alias: throw ParseFailure(position: position, message: "an alias that leads nowhere")
    }
  }

  private mutating func members(of mapping: Node.Mapping, depth: Int) throws(ParseFailure) -> [SettingsValue.Member] {
    var members: [SettingsValue.Member] = []
    var merged: [SettingsValue.Member] = []
    for (key, node) in mapping {
      let position = position(of: key)
      if isMergeKey(key) {
        merged += try mergeSource(value(of: node, depth: depth + 1))
        continue
      }
      guard case .scalar(let scalar) = key, case .string(let name) = try self.scalar(scalar, at: position).content else {
        throw ParseFailure(position: position, message: "expected a string as key", hint: "put the key in quotes")
      }
      members.append(SettingsValue.Member(key: name, position: position, value: try value(of: node, depth: depth + 1)))
    }
    // YAML 1.1 merge keys: keys of the map win, then earlier sources.
    for member in merged where !members.contains(where: { $0.key == member.key }) { members.append(member) }
    return members
  }

  private func isMergeKey(_ key: Node) -> Bool {
    guard case .scalar(let scalar) = key else { return false }
    return scalar.string == "<<" && scalar.style == .plain
  }

  private func mergeSource(_ value: SettingsValue) throws(ParseFailure) -> [SettingsValue.Member] {
    switch value.content {
    case .map(let members): return members
    case .list(let elements):
      var members: [SettingsValue.Member] = []
      for element in elements {
        guard case .map(let more) = element.content else {
          throw ParseFailure(position: element.position, message: "expected a map to merge, found \(element.found)")
        }
        members += more
      }
      return members
    case .null, .bool, .integer, .number, .string:
      throw ParseFailure(position: value.position, message: "expected a map to merge, found \(value.found)")
    }
  }

  private func scalar(_ scalar: Node.Scalar, at position: SourcePosition) throws(ParseFailure) -> SettingsValue {
    let text = scalar.string
    let tag = scalar.tag.rawValue
    let plain = SettingsValue(plainScalar(text), at: position, spelling: scalar.style == .plain ? text : nil)
    switch tag.replacing("tag:yaml.org,2002:", with: "") {
    case "" where scalar.style == .plain: return plain
    case "", "!", "str": return SettingsValue(.string(text), at: position)
    case "null":
      if plain.content == .null { return plain }
    case "bool":
      if case .bool = plain.content { return plain }
    case "int":
      if case .integer = plain.content { return plain }
    case "float":
      if case .integer(let value) = plain.content { return SettingsValue(.number(Double(value)), at: position) }
      if case .number = plain.content { return plain }
    default: throw ParseFailure(position: position, message: "unknown tag \(quoted(tag))")
    }
    throw ParseFailure(position: position, message: "\(quoted(text)) does not fit its tag \(quoted(tag))")
  }

  private func check(_ tag: Tag, is kind: String, at position: SourcePosition) throws(ParseFailure) {
    guard ["", "!", "tag:yaml.org,2002:\(kind)"].contains(tag.rawValue) else {
      throw ParseFailure(position: position, message: "unknown tag \(quoted(tag.rawValue))")
    }
  }

  private func position(of node: Node) -> SourcePosition {
    SourcePosition(file: file, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
  }
}

extension ParseFailure {
  fileprivate init(_ error: YamlError, text: String, file: String) {
    func at(_ mark: Mark) -> SourcePosition { SourcePosition(file: file, line: mark.line, column: mark.column) }
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let doing = context.map { "\($0.text.trimmingSpace) (line \($0.mark.line)): " } ?? ""
      let isTab = problem.contains("cannot start any token")
      self.init(
        position: at(mark), message: "not valid YAML: \(doing)\(problem)",
        hint: isTab ? "indent with spaces, not tabs; a text that starts with @ or ` needs quotes" : nil)
    case .duplicatedKeysInMapping(let duplicates, let context):
      self.init(
        position: at(context.mark), message: "the key \(duplicates.map { quoted($0) }.joined(separator: ", ")) stands twice in this map")
    case .reader(let problem, let offset, _, _):
      let before = text.utf8.prefix(offset ?? 0)
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      let column = (before.lastIndex(of: UInt8(ascii: "\n")).map { before[before.index(after: $0)...].count } ?? before.count) + 1
      self.init(position: SourcePosition(file: file, line: line, column: column), message: "not valid YAML: \(problem)")
    case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      self.init(position: SourcePosition(file: file, line: 1, column: 1), message: "cannot be read as YAML: \(error)")
    }
  }
}

extension String {
  fileprivate var trimmingSpace: Substring {
    var rest = self[...]
    while rest.last?.isWhitespace == true { rest = rest.dropLast() }
    return rest
  }
}
