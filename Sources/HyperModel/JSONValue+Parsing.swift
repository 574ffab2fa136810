extension JSONValue {
  /// Reads exactly one JSON value; white space around it is allowed, anything else is not (RFC 8259).
  ///
  /// As existing nodes read (PROTOCOL.md 8.5, 21): of duplicate keys the last wins, lone surrogates become U+FFFD, whole numbers
  /// that do not fit in 64 bits become doubles. Callers limit the size of the input; a list needs up to 20 times the bytes of its text.
  /// - Parameter depthLimit: how deep lists and objects may be nested. The default is far beyond real messages and far below what the stack of
  ///   any thread holds.
  public init(parsing bytes: some Collection<UInt8>, depthLimit: Int = 128) throws(JSONSyntaxError) {
    var reader = JSONReader(bytes: Array(bytes), depthLimit: depthLimit)
    self = try reader.readText()
  }

  /// The same with a look at what was read before.
  ///
  /// - Parameter known: consulted and taught for its member of the objects inside of the outermost one, such as the parameters of a call.
  public init(parsing bytes: some Collection<UInt8>, known: inout KnownValues) throws(JSONSyntaxError) {
    var reader = JSONReader(bytes: Array(bytes), depthLimit: 128, known: known)
    self = try reader.readText()
    if let learned = reader.known { known = learned }
  }

  /// The same for text.
  public init(parsing text: String, depthLimit: Int = 128) throws(JSONSyntaxError) {
    try self.init(parsing: text.utf8, depthLimit: depthLimit)
  }
}

/// A recursive reader over bytes; one value is read per reader.
private struct JSONReader {
  private let bytes: [UInt8]
  private var position = 0
  private var remainingDepth: Int
  private(set) var known: KnownValues?
  /// The remaining depth at which `known` counts: only there, because a text that is legal here may be nested too deep elsewhere.
  private let knownDepth: Int

  init(bytes: [UInt8], depthLimit: Int, known: KnownValues? = nil) {
    self.bytes = bytes
    self.known = known
    remainingDepth = depthLimit
    knownDepth = depthLimit - 2
  }

  mutating func readText() throws(JSONSyntaxError) -> JSONValue {
    skipSpace()
    let value = try readValue()
    skipSpace()
    if position < bytes.count { throw JSONSyntaxError(offset: position, reason: .trailingBytes) }
    return value
  }

  private mutating func readValue() throws(JSONSyntaxError) -> JSONValue {
    switch try peek() {
    case UInt8(ascii: "{"): return try readObject()
    case UInt8(ascii: "["): return try readArray()
    case UInt8(ascii: "\""): return .string(try readString())
    case UInt8(ascii: "t"): return try readWord("true", .bool(true))
    case UInt8(ascii: "f"): return try readWord("false", .bool(false))
    case UInt8(ascii: "n"): return try readWord("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try readNumber()
    default: throw unexpected()
    }
  }

  private mutating func readObject() throws(JSONSyntaxError) -> JSONValue {
    try descend()
    var members: [String: JSONValue] = [:]
    skipSpace()
    if try peek() != UInt8(ascii: "}") {
      while true {
        if try peek() != UInt8(ascii: "\"") { throw unexpected() }
        let key = try readString()
        skipSpace()
        if try peek() != UInt8(ascii: ":") { throw unexpected() }
        position += 1
        skipSpace()
        members[key] = try readMember(key)
        if try endOfList(closedBy: UInt8(ascii: "}")) { break }
      }
    }
    ascend()
    return .object(members)
  }

  private mutating func readMember(_ key: String) throws(JSONSyntaxError) -> JSONValue {
    guard let known, remainingDepth == knownDepth, key == known.key else { return try readValue() }
    if let (value, length) = known.value(in: bytes, at: position) {
      position += length
      return value
    }
    let start = position
    let value = try readValue()
    self.known?.learn(value, text: bytes[start..<position])
    return value
  }

  private mutating func readArray() throws(JSONSyntaxError) -> JSONValue {
    try descend()
    var elements: [JSONValue] = []
    skipSpace()
    if try peek() != UInt8(ascii: "]") {
      while true {
        elements.append(try readValue())
        if try endOfList(closedBy: UInt8(ascii: "]")) { break }
      }
    }
    ascend()
    return .array(elements)
  }

  /// After an element: true at the closing bracket (which is left to `ascend`), false after a comma.
  private mutating func endOfList(closedBy bracket: UInt8) throws(JSONSyntaxError) -> Bool {
    skipSpace()
    let byte = try peek()
    if byte == bracket { return true }
    if byte != UInt8(ascii: ",") { throw unexpected() }
    position += 1
    skipSpace()
    return false
  }

  private mutating func descend() throws(JSONSyntaxError) {
    if remainingDepth <= 0 { throw JSONSyntaxError(offset: position, reason: .tooDeep) }
    remainingDepth -= 1
    position += 1
  }

  private mutating func ascend() {
    remainingDepth += 1
    position += 1
  }

  private mutating func readWord(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
    for expected in word.description.utf8 {
      if try peek() != expected { throw unexpected() }
      position += 1
    }
    return value
  }

  private func peek() throws(JSONSyntaxError) -> UInt8 {
    guard position < bytes.count else { throw JSONSyntaxError(offset: position, reason: .unexpectedEnd) }
    return bytes[position]
  }

  private func unexpected() -> JSONSyntaxError {
    guard position < bytes.count else { return JSONSyntaxError(offset: position, reason: .unexpectedEnd) }
    return JSONSyntaxError(offset: position, reason: .unexpectedByte(bytes[position]))
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }
}

// MARK: - Numbers (RFC 8259 section 6)

extension JSONReader {
  private mutating func readNumber() throws(JSONSyntaxError) -> JSONValue {
    let start = position
    if bytes[position] == UInt8(ascii: "-") { position += 1 }
    if try peek() == UInt8(ascii: "0") {
      position += 1
    } else {
      try skipDigits()
    }
    var isWhole = true
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      isWhole = false
      position += 1
      try skipDigits()
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      position += 1
      let sign = try peek()
      if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
      try skipDigits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let whole = Int64(text) { return .integer(whole) }
    guard let number = Double(text), number.isFinite else { throw JSONSyntaxError(offset: start, reason: .numberOutOfRange) }
    return .number(number)
  }

  /// One digit or more.
  private mutating func skipDigits() throws(JSONSyntaxError) {
    guard isDigit(try peek()) else { throw unexpected() }
    while position < bytes.count, isDigit(bytes[position]) { position += 1 }
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

// MARK: - Strings (RFC 8259 section 7)

extension JSONReader {
  private mutating func readString() throws(JSONSyntaxError) -> String {
    position += 1
    let start = position
    try skipPlainBytes()
    if bytes[position] == UInt8(ascii: "\"") {
      // By far the most strings have no escape: they are checked and copied once.
      guard let text = String(validating: bytes[start..<position], as: UTF8.self) else { throw invalidUTF8(from: start) }
      position += 1
      return text
    }
    return try readEscapedString(from: start)
  }

  /// Goes on at the first backslash of a string that starts at `start`.
  private mutating func readEscapedString(from start: Int) throws(JSONSyntaxError) -> String {
    var content = Array(bytes[start..<position])
    while bytes[position] == UInt8(ascii: "\\") {
      try readEscape(into: &content)
      let run = position
      try skipPlainBytes()
      content += bytes[run..<position]
    }
    // Escapes only ever add whole characters, so the whole is valid when all the raw pieces are.
    guard let text = String(validating: content, as: UTF8.self) else { throw invalidUTF8(from: start) }
    position += 1
    return text
  }

  /// Stops at a quote or a backslash.
  private mutating func skipPlainBytes() throws(JSONSyntaxError) {
    while true {
      let byte = try peek()
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
      if byte < 0x20 { throw JSONSyntaxError(offset: position, reason: .unescapedControlCharacter) }
      position += 1
    }
  }

  private mutating func readEscape(into content: inout [UInt8]) throws(JSONSyntaxError) {
    let start = position
    position += 1
    let kind = try peek()
    position += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(kind)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0c)
    case UInt8(ascii: "n"): content.append(0x0a)
    case UInt8(ascii: "r"): content.append(0x0d)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"): content += UTF8.encode(try readUnicodeEscape(from: start)) ?? UTF8.encodedReplacementCharacter
    default: throw JSONSyntaxError(offset: start, reason: .invalidEscape)
    }
  }

  /// Behind `\u`: one scalar out of one unit or out of a pair of surrogates; a lone surrogate is U+FFFD.
  private mutating func readUnicodeEscape(from start: Int) throws(JSONSyntaxError) -> Unicode.Scalar {
    let first = try readHexUnit(from: start)
    guard UTF16.isLeadSurrogate(first) else { return Unicode.Scalar(first) ?? "\u{fffd}" }
    guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u") else {
      return "\u{fffd}"
    }
    let resume = position
    position += 2
    let second = try readHexUnit(from: resume)
    guard UTF16.isTrailSurrogate(second) else {
      // The second escape stands for itself.
      position = resume
      return "\u{fffd}"
    }
    return UTF16.decode(UTF16.EncodedScalar([first, second]))
  }

  private mutating func readHexUnit(from start: Int) throws(JSONSyntaxError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      let byte = try peek()
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw JSONSyntaxError(offset: start, reason: .invalidEscape)
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }

  /// Finds the place, which matters only once something is wrong.
  private func invalidUTF8(from start: Int) -> JSONSyntaxError {
    var parser = Unicode.UTF8.ForwardParser()
    var rest = bytes[start...].makeIterator()
    var offset = start
    while case .valid(let scalar) = parser.parseScalar(from: &rest) { offset += scalar.count }
    return JSONSyntaxError(offset: offset, reason: .invalidUTF8)
  }
}
