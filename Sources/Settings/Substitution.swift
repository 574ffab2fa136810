/// Puts variables into the strings of a tree (PROTOCOL.md 2.2, step 4). Keys are left alone.
struct Substitution {
  let variables: Variables
  let findings: Findings

  init(_ variables: Variables, _ findings: Findings) {
    self.variables = variables
    self.findings = findings
  }

  func apply(to value: SettingsValue, path: String = "") -> SettingsValue {
    var result = value
    switch value.content {
    case .null, .bool, .integer, .number: break
    case .string(let text): result = string(text, of: value, path: path)
    case .list(let elements):
      result.content = .list(elements.enumerated().map { apply(to: $1, path: "\(path)[\($0)]") })
    case .map(let members):
      result.content = .map(
        members.map { member in
          let inner = path.isEmpty ? member.key : "\(path).\(member.key)"
          return SettingsValue.Member(key: member.key, position: member.position, value: apply(to: member.value, path: inner))
        })
    }
    return result
  }

  private func string(_ text: String, of value: SettingsValue, path: String) -> SettingsValue {
    // The pattern of the deployed loader does not cross lines, so texts of several lines (certificates, scripts) are safe.
    guard text.utf8.contains(UInt8(ascii: "$")), !text.utf8.contains(UInt8(ascii: "\n")) else { return value }
    let pieces = Self.pieces(of: text)
    if pieces.count == 1, case .variable(let name) = pieces[0] {
      guard let found = look(up: name, for: value, path: path) else { return SettingsValue(.null, at: value.position) }
      // The value itself, of whatever type; nothing inside it is touched. From the environment it has no better place than this.
      return found.isConcealed ? found.moved(to: value.position, concealed: true) : found.placed(at: value.position)
    }
    var joined = ""
    var isConcealed = value.isConcealed
    for piece in pieces {
      switch piece {
      case .text(let text): joined += text
      case .variable(let name):
        guard let found = look(up: name, for: value, path: path) else { continue }
        isConcealed = isConcealed || found.isConcealed
        joined += interpolated(found, name: name, for: value, path: path)
      }
    }
    return SettingsValue(.string(joined), at: value.position, isConcealed: isConcealed)
  }

  private func look(up name: String, for value: SettingsValue, path: String) -> SettingsValue? {
    if let found = variables.values[name] { return found }
    // A broken definition has been reported already.
    if !variables.broken.contains(name) {
      findings.problem(
        at: value.position, path, "unknown variable $\(name)",
        hint: suggestion(for: name, among: variables.values.keys.sorted()) ?? "a literal $ is written $$")
    }
    return nil
  }

  private func interpolated(_ found: SettingsValue, name: String, for value: SettingsValue, path: String) -> String {
    switch found.content {
    case .string(let text): return Self.unescaped(text)
    case .integer(let number): return String(number)
    case .number(let number): return Int64(exactly: number).map(String.init) ?? "\(number)"
    case .null, .bool, .list, .map:
      findings.problem(at: value.position, path, "expected a string or a number to put into a text, but $\(name) is \(found.found)")
      return ""
    }
  }

  enum Piece: Equatable {
    case text(String)
    case variable(String)
  }

  /// `$name` is a variable, `$$` a dollar sign, and a `$` before anything else stays.
  static func pieces(of text: String) -> [Piece] {
    var pieces: [Piece] = []
    var literal = ""
    var rest = text[...]
    while let dollar = rest.utf8.firstIndex(of: UInt8(ascii: "$")) {
      literal += rest[..<dollar]
      rest = rest[rest.utf8.index(after: dollar)...]
      if rest.utf8.first == UInt8(ascii: "$") {
        literal += "$"
        rest = rest[rest.utf8.index(after: rest.startIndex)...]
      } else if let first = rest.utf8.first, isLetter(first) {
        if !literal.isEmpty { pieces.append(.text(literal)) }
        literal = ""
        let end = rest.utf8.firstIndex { !isNameByte($0) } ?? rest.endIndex
        pieces.append(.variable(String(rest[..<end])))
        rest = rest[end...]
      } else {
        literal += "$"
      }
    }
    literal += rest
    if !literal.isEmpty { pieces.append(.text(literal)) }
    return pieces
  }

  private static func unescaped(_ text: String) -> String { text.replacing("$$", with: "$") }
}

extension SettingsValue {
  /// The same value under another position: scalars only, because maps and lists have places of their own inside.
  fileprivate func placed(at position: SourcePosition) -> SettingsValue {
    switch content {
    case .list, .map: return self
    case .null, .bool, .integer, .number, .string:
      var placed = self
      placed.position = position
      return placed
    }
  }
}
