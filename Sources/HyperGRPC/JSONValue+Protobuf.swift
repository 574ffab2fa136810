import HyperModel

// google.protobuf.Struct, Value and ListValue, straight to and from the wire: a tree of generated messages between would cost more than all
// the rest of a call. Struct knows one kind of number, the double (PROTOCOL.md 7.1).

extension ProtobufReader {
  /// Doubles hold every whole number up to this size exactly; beyond it a whole double may have been something else.
  private static let exactIntegers = -9_007_199_254_740_992.0...9_007_199_254_740_992.0

  /// Reads a Struct into members that may hold some already: of two with one key the later wins, as in every protobuf map.
  ///
  /// - Parameter skipped: a member that is left out, unread.
  mutating func members(
    into members: inout [String: JSONValue], leavingOut skipped: String? = nil, depth: Int
  ) throws(Failure) {
    if depth <= 0 { throw .tooDeep }
    while let (field, content) = try next() {
      guard field == 1, case .delimited(let range) = content else { continue }
      var entry = message(range)
      var key: Range<Int>?
      var value: Range<Int>?
      while let (field, content) = try entry.next() {
        guard case .delimited(let range) = content else { continue }
        switch field {
        case 1: key = range
        case 2: value = range
        default: break
        }
      }
      if let skipped, let key, holds(key, skipped) { continue }
      let name = if let key { try string(key) } else { "" }
      var reader = message(value ?? 0..<0)
      members[name] = try reader.value(depth: depth - 1)
    }
  }

  /// Reads a Value. One without content is null.
  private mutating func value(depth: Int) throws(Failure) -> JSONValue {
    if depth <= 0 { throw .tooDeep }
    var value = JSONValue.null
    while let (field, content) = try next() {
      switch (field, content) {
      case (1, .varint): value = .null
      case (2, .fixed64(let bits)): value = Self.number(Double(bitPattern: bits))
      case (3, .delimited(let range)): value = .string(try string(range))
      case (4, .varint(let flag)): value = .bool(flag != 0)
      case (5, .delimited(let range)):
        var reader = message(range)
        var members: [String: JSONValue] = [:]
        try reader.members(into: &members, depth: depth - 1)
        value = .object(members)
      case (6, .delimited(let range)):
        var reader = message(range)
        value = .array(try reader.elements(depth: depth - 1))
      default: break
      }
    }
    return value
  }

  private mutating func elements(depth: Int) throws(Failure) -> [JSONValue] {
    var elements: [JSONValue] = []
    while let (field, content) = try next() {
      guard field == 1, case .delimited(let range) = content else { continue }
      var reader = message(range)
      elements.append(try reader.value(depth: depth))
    }
    return elements
  }

  private static func number(_ number: Double) -> JSONValue {
    if exactIntegers.contains(number), let whole = Int64(exactly: number) { return .integer(whole) }
    return .number(number)
  }
}

extension ProtobufWriter {
  /// Writes the content of a Struct.
  mutating func members(_ members: [String: JSONValue]) {
    for (key, value) in members {
      message(1) { entry in
        entry.string(1, key)
        entry.message(2) { $0.value(value) }
      }
    }
  }

  /// Writes the content of a Value. Not-a-number and infinity become null, as in JSON.
  mutating func value(_ value: JSONValue) {
    switch value {
    case .null: varint(1, 0)
    case .bool(let flag): varint(4, flag ? 1 : 0)
    case .integer(let number): fixed64(2, Double(number).bitPattern)
    case .number(let number): number.isFinite ? fixed64(2, number.bitPattern) : varint(1, 0)
    case .string(let text): string(3, text)
    case .array(let elements):
      message(6) { list in
        for element in elements { list.message(1) { $0.value(element) } }
      }
    case .object(let members): message(5) { $0.members(members) }
    }
  }
}
