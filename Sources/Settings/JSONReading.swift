/// Reads one JSON text (RFC 8259) into a tree with positions; `JSONValue` of the mesh has none.
///
/// - Throws: `ParseFailure` for syntax errors, duplicate keys, and a tree that is too large.
func readJSON(_ text: String, file: String) throws(ParseFailure) -> SettingsValue {
  var reader = JSONReading(text, file: file)
  return try reader.document()
}

private struct JSONReading {
  let scalars: [Unicode.Scalar]
  let file: String
  var index = 0
  var line = 1
  var lineStart = 0
  var count = 0

  init(_ text: String, file: String) {
    self.scalars = Array(text.unicodeScalars)
    self.file = file
  }

  var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  var position: SourcePosition { SourcePosition(file: file, line: line, column: index - lineStart + 1) }

  func failure(_ expected: String) -> ParseFailure {
    let found = next.map { quoted(String($0)) } ?? "the end"
    return ParseFailure(position: position, message: "not valid JSON: expected \(expected), found \(found)")
  }

  mutating func document() throws(ParseFailure) -> SettingsValue {
    skipSpace()
    let value = try value(depth: 0)
    skipSpace()
    guard next == nil else { throw failure("the end") }
    return value
  }

  mutating func skipSpace() {
    while let scalar = next, scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" {
      index += 1
      if scalar == "\n" {
        line += 1
        lineStart = index
      }
    }
  }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    index += 1
    return true
  }

  mutating func value(depth: Int) throws(ParseFailure) -> SettingsValue {
    let start = position
    count += 1
    guard count <= SettingsLimits.values else { throw ParseFailure(position: start, message: "more than \(SettingsLimits.values) values") }
    guard depth <= SettingsLimits.nesting else {
      throw ParseFailure(position: start, message: "more than \(SettingsLimits.nesting) maps and lists inside each other")
    }
    switch next {
    case "{": return SettingsValue(.map(try members(depth: depth)), at: start)
    case "[": return SettingsValue(.list(try elements(depth: depth)), at: start)
    case "\"": return SettingsValue(.string(try string()), at: start)
    case let scalar? where scalar == "-" || ("0"..."9").contains(scalar): return SettingsValue(try number(), at: start)
    default: return SettingsValue(try word(), at: start)
    }
  }

  mutating func word() throws(ParseFailure) -> SettingsValue.Content {
    for (word, content) in [("true", .bool(true)), ("false", .bool(false)), ("null", .null)] as [(String, SettingsValue.Content)]
    where scalars[index...].starts(with: word.unicodeScalars) {
      index += word.unicodeScalars.count
      return content
    }
    throw failure("a value")
  }

  mutating func elements(depth: Int) throws(ParseFailure) -> [SettingsValue] {
    var elements: [SettingsValue] = []
    index += 1
    skipSpace()
    if take("]") { return elements }
    while true {
      skipSpace()
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return elements }
      guard take(",") else { throw failure("\",\" or \"]\"") }
    }
  }

  mutating func members(depth: Int) throws(ParseFailure) -> [SettingsValue.Member] {
    var members: [SettingsValue.Member] = []
    var keys: Set<String> = []
    index += 1
    skipSpace()
    if take("}") { return members }
    while true {
      skipSpace()
      let start = position
      guard next == "\"" else { throw failure("a key in quotes") }
      let key = try string()
      guard keys.insert(key).inserted else {
        throw ParseFailure(position: start, message: "the key \(quoted(key)) stands twice in this map")
      }
      skipSpace()
      guard take(":") else { throw failure("\":\"") }
      skipSpace()
      members.append(SettingsValue.Member(key: key, position: start, value: try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return members }
      guard take(",") else { throw failure("\",\" or \"}\"") }
    }
  }

  mutating func digits() throws(ParseFailure) {
    let start = index
    while let scalar = next, ("0"..."9").contains(scalar) { index += 1 }
    guard index > start else { throw failure("a digit") }
  }

  mutating func number() throws(ParseFailure) -> SettingsValue.Content {
    let start = index
    var isWhole = true
    _ = take("-")
    if !take("0") { try digits() }
    if take(".") {
      isWhole = false
      try digits()
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("+") { _ = take("-") }
      try digits()
    }
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars[start..<index])
    if isWhole, let integer = Int64(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else {
      index = start
      throw failure("a number within the range of a double")
    }
    return .number(number)
  }

  mutating func string() throws(ParseFailure) -> String {
    var text = ""
    index += 1
    while let scalar = next {
      switch scalar {
      case "\"":
        index += 1
        return text
      case "\\":
        index += 1
        text.unicodeScalars.append(try escape())
      case _ where scalar.value < 0x20: throw failure("no control character inside a string")
      default:
        index += 1
        text.unicodeScalars.append(scalar)
      }
    }
    throw failure("\" at the end of the string")
  }

  mutating func escape() throws(ParseFailure) -> Unicode.Scalar {
    guard let scalar = next else { throw failure("an escape") }
    let plain: [Unicode.Scalar: Unicode.Scalar] = [
      "\"": "\"", "\\": "\\", "/": "/", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r", "t": "\t",
    ]
    if let plain = plain[scalar] {
      index += 1
      return plain
    }
    guard take("u") else { throw failure("an escape") }
    var unit = try codeUnit()
    if (0xD800...0xDBFF).contains(unit), take("\\"), take("u") {
      let low = try codeUnit()
      guard (0xDC00...0xDFFF).contains(low) else { throw failure("the second half of a surrogate pair") }
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
    }
    guard let decoded = Unicode.Scalar(unit) else { throw failure("the second half of a surrogate pair") }
    return decoded
  }

  mutating func codeUnit() throws(ParseFailure) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let scalar = next, scalar.isASCII, let digit = Character(scalar).hexDigitValue else { throw failure("four hex digits") }
      unit = unit << 4 | UInt32(digit)
      index += 1
    }
    return unit
  }
}
