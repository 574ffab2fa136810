/// The syntax of the host names a hello may ask for (RFC 6066 3): what could be a name in the DNS, in ASCII.
///
/// Our policy where the RFCs leave room: underscores are accepted because services use them; a trailing dot is refused
/// because RFC 6066 forbids it, instead of guessing that it means the same name.
enum HostName {
  /// RFC 1035 2.3.4, written without the root's dot.
  static let maximumBytes = 253
  /// RFC 1035 2.3.4.
  static let maximumLabelBytes = 63

  /// What is wrong with a name of 1 to `maximumBytes` bytes; nil when nothing is.
  static func objection(to name: [UInt8]) -> HelloRefusal.Reason? {
    let dot = UInt8(ascii: ".")
    guard name.allSatisfy({ isLabelByte($0) || $0 == dot }) else { return looksLikeIPv6(name) ? .addressLiteral : .badNameByte }
    if name.last == dot { return .trailingDot }
    var start = 0
    for position in 0...name.count where position == name.count || name[position] == dot {
      guard isLabel(name[start..<position]) else { return .badLabel }
      if position < name.count { start = position + 1 }
    }
    return isNumber(name[start...]) ? .addressLiteral : nil
  }

  /// The name with A–Z as a–z; for names without objection.
  static func lowercased(_ name: [UInt8]) -> String {
    String(unsafeUninitializedCapacity: name.count) { buffer in
      for position in name.indices { buffer[position] = isUpper(name[position]) ? name[position] | 0x20 : name[position] }
      return name.count
    }
  }

  /// RFC 5890 2.3.1 (LDH labels: no hyphen at either end), and underscores.
  private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
    guard (1...maximumLabelBytes).contains(label.count) else { return false }
    return label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
  }

  /// Whether a last label makes the whole an IPv4 address for those who parse addresses (WHATWG URL, "ends in a number"):
  /// `192.0.2.1`, but also `0x7f.1` or `3232235777`. No top-level domain is a number.
  private static func isNumber(_ label: ArraySlice<UInt8>) -> Bool {
    if label.allSatisfy(isDigit) { return true }
    guard label.count >= 2, label.first == UInt8(ascii: "0"), label.dropFirst().first.map({ $0 | 0x20 }) == UInt8(ascii: "x") else {
      return false
    }
    return label.dropFirst(2).allSatisfy(isHexDigit)
  }

  /// Hex digits and colons, perhaps with an IPv4 tail, brackets or a zone: meant as an address, not as a name.
  private static func looksLikeIPv6(_ name: [UInt8]) -> Bool {
    guard name.count(where: { $0 == UInt8(ascii: ":") }) >= 2 else { return false }
    let address = name.prefix { $0 != UInt8(ascii: "%") }
    return address.allSatisfy { isHexDigit($0) || ":.[]".utf8.contains($0) }
  }

  private static func isLabelByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || isUpper(byte) || isLower(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
  private static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
  private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
  private static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
