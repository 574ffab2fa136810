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
    if looksLikeIPv6(name) { return .addressLiteral }
    guard name.allSatisfy({ isLabelByte($0) || $0 == UInt8(ascii: ".") }) else { return .badNameByte }
    let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    if labels.count > 1, labels.last?.isEmpty == true { return .trailingDot }
    guard labels.allSatisfy(isLabel) else { return .badLabel }
    if let last = labels.last, isNumber(last) { return .addressLiteral }
    return nil
  }

  /// The name with A–Z as a–z; for names without objection.
  static func lowercased(_ name: [UInt8]) -> String {
    String(decoding: name.map { isUpper($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
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
