extension Section {
  // MARK: Strings

  func string(_ key: String) -> String? {
    member(key).flatMap { text(of: $0, at: path(of: key)) }
  }

  /// The empty string as a placeholder when it is missing.
  func requiredString(_ key: String) -> String {
    member(key, required: true, expected: "a string").flatMap { text(of: $0, at: path(of: key)) } ?? ""
  }

  func strings(_ key: String, required: Bool = false) -> [String] {
    elements(key, required: required).compactMap { text(of: $0, at: $1) }
  }

  private func text(of value: SettingsValue, at path: String) -> String? {
    guard case .string(let text) = value.content else {
      let hint = value.spelling.map { $0.isEmpty ? nil : "in quotes it is a string: \(quoted($0))" } ?? nil
      findings.problem(at: value.position, path, "expected a string, found \(value.found)", hint: value.isConcealed ? nil : hint)
      return nil
    }
    return text
  }

  // MARK: Strings with a form

  func optional<Parsed>(_ key: String, _ parse: (String) throws(TextMismatch) -> Parsed) -> Parsed? {
    member(key).flatMap { parsed($0, at: path(of: key), parse) }
  }

  func required<Parsed>(_ key: String, placeholder: Parsed, _ parse: (String) throws(TextMismatch) -> Parsed) -> Parsed {
    member(key, required: true, expected: "a string").flatMap { parsed($0, at: path(of: key), parse) } ?? placeholder
  }

  func text(_ key: String, default fallback: String, _ parse: (String) throws(TextMismatch) -> String) -> String {
    optional(key, parse) ?? fallback
  }

  func texts<Parsed>(_ key: String, _ parse: (String) throws(TextMismatch) -> Parsed) -> [Parsed] {
    elements(key).compactMap { parsed($0, at: $1, parse) }
  }

  private func parsed<Parsed>(_ value: SettingsValue, at path: String, _ parse: (String) throws(TextMismatch) -> Parsed) -> Parsed? {
    guard let text = text(of: value, at: path) else { return nil }
    do throws(TextMismatch) {
      return try parse(text)
    } catch {
      findings.problem(at: value.position, path, "expected \(error.expected), found \(value.found)", hint: error.hint)
      return nil
    }
  }

  // MARK: Booleans and numbers

  /// Only real booleans count; `"true"` and 1 are errors.
  func bool(_ key: String, default fallback: Bool) -> Bool {
    guard let member = member(key) else { return fallback }
    guard case .bool(let flag) = member.content else {
      mismatch(key, expected: "true or false")
      return fallback
    }
    return flag
  }

  func integer(_ key: String, in range: ClosedRange<Int64>) -> Int? {
    member(key).flatMap { integer(of: $0, at: path(of: key), in: range) }.map(Int.init(clamping:))
  }

  func integers(_ key: String, in range: ClosedRange<Int64>) -> [Int64] {
    elements(key).compactMap { integer(of: $0, at: $1, in: range) }
  }

  private func integer(of value: SettingsValue, at path: String, in range: ClosedRange<Int64>) -> Int64? {
    let number: Int64? =
      switch value.content {
      case .integer(let number): number
      case .number(let number): Int64(exactly: number)
      case .null, .bool, .string, .list, .map: nil
      }
    guard let number, range.contains(number) else {
      findings.problem(
        at: value.position, path, "expected a whole number from \(range.lowerBound) to \(range.upperBound), found \(value.found)")
      return nil
    }
    return number
  }

  /// A duration, written as a number of seconds.
  func seconds(_ key: String, in range: ClosedRange<Double>) -> Duration? {
    guard let member = member(key) else { return nil }
    let number: Double? =
      switch member.content {
      case .integer(let number): Double(number)
      case .number(let number): number
      case .null, .bool, .string, .list, .map: nil
      }
    guard let number, range.contains(number) else {
      mismatch(key, expected: "a number of seconds from \(shortest(range.lowerBound)) to \(shortest(range.upperBound))")
      return nil
    }
    return .seconds(number)
  }

  private func shortest(_ number: Double) -> String {
    Int64(exactly: number).map(String.init) ?? "\(number)"
  }

  // MARK: Two special ones

  /// Permission bits in octal: `0660` or `"0660"`. A YAML number is judged by its notation, because 660 and 0660 differ.
  func socketMode(_ key: String, default fallback: UInt16) -> UInt16 {
    guard let member = member(key) else { return fallback }
    let digits: String? =
      switch member.content {
      case .string(let text): text
      case .integer: member.spelling
      case .null, .bool, .number, .list, .map: nil
      }
    guard let digits, (3...4).contains(digits.utf8.count), let mode = UInt16(digits, radix: 8), mode <= 0o777, mode & 0o600 == 0o600 else {
      mismatch(key, expected: "permission bits in octal that let the owner read and write, like \"0660\"")
      return fallback
    }
    return mode
  }

  /// A user or group, by name or number, as text.
  func nameOrNumber(_ key: String) -> String? {
    guard let member = member(key) else { return nil }
    switch member.content {
    case .string(let text): return text
    case .integer(let number) where (0..<Int64(UInt32.max)).contains(number): return String(number)
    case .null, .bool, .integer, .number, .list, .map:
      mismatch(key, expected: "a name or a number")
      return nil
    }
  }
}
