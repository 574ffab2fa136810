/// What an unquoted YAML scalar means, by the rules of the parser that existing settings were written for (PROTOCOL.md 2.2).
///
/// YAML 1.1 with two exceptions that people are glad of: times stay strings, and `10:30` is no number in base 60.
func plainScalar(_ text: String) -> SettingsValue.Content {
  switch text {
  case "", "~", "null", "Null", "NULL": .null
  case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": .bool(true)
  case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": .bool(false)
  default: plainNumber(text) ?? .string(text)
  }
}

private func plainNumber(_ text: String) -> SettingsValue.Content? {
  guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first) else { return nil }
  let plain = text.filter { $0 != "_" }
  if let integer = plainInteger(plain) { return .integer(integer) }
  switch plain.drop(while: { $0 == "+" || $0 == "-" }) {
  case ".inf", ".Inf", ".INF": return .number(plain.hasPrefix("-") ? -.infinity : .infinity)
  case ".nan", ".NaN", ".NAN": return .number(.nan)
  default: return isDecimal(plain) ? Double(plain).map { .number($0) } : nil
  }
}

/// Decimal, `0x…`, `0b…`, `0o…` and, as YAML 1.1 has it, octal with a leading zero.
private func plainInteger(_ text: String) -> Int64? {
  let isNegative = text.hasPrefix("-")
  let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
  let (digits, radix): (Substring, Int) =
    switch unsigned.prefix(2) {
    case "0x", "0X": (unsigned.dropFirst(2), 16)
    case "0b", "0B": (unsigned.dropFirst(2), 2)
    case "0o", "0O": (unsigned.dropFirst(2), 8)
    default: unsigned.hasPrefix("0") && unsigned.count > 1 ? (unsigned.dropFirst(), 8) : (unsigned, 10)
    }
  guard let first = digits.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
  return Int64((isNegative ? "-" : "") + digits, radix: radix)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
private func isDecimal(_ text: String) -> Bool {
  var rest = Substring(text).utf8
  func digits() -> Int {
    let count = rest.prefix { (0x30...0x39).contains($0) }.count
    rest = rest.dropFirst(count)
    return count
  }
  func sign() {
    if let byte = rest.first, byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { rest = rest.dropFirst() }
  }
  sign()
  let whole = digits()
  var fraction = 0
  if rest.first == UInt8(ascii: ".") {
    rest = rest.dropFirst()
    fraction = digits()
  }
  guard whole + fraction > 0 else { return false }
  if let byte = rest.first, byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
    rest = rest.dropFirst()
    sign()
    guard digits() > 0 else { return false }
  }
  return rest.isEmpty
}
