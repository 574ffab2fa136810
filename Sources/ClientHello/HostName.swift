/// The syntax of the host names a hello may ask for (RFC 6066 3): what could be a name in the DNS, in ASCII.
///
/// Our policy where the RFCs leave room: underscores are accepted because services use them; a trailing dot is refused
/// because RFC 6066 forbids it, instead of guessing that it means the same name.
enum HostName {
  /// RFC 1035 2.3.4, written without the root's dot.
  static let maximumBytes = 253
  /// RFC 1035 2.3.4.
  static let maximumLabelBytes = 63

  /// Turns A–Z into a–z and says what is wrong with a name of 1 to `maximumBytes` bytes; nil when nothing is. After an
  /// objection what is in `name` is of no use.
  static func normalize(_ name: inout MutableSpan<UInt8>) -> HelloRefusal.Reason? {
    let dot = UInt8(ascii: ".")
    var start = 0
    var badLabels = 0
    for position in 0..<name.count {
      let byte = name[position]
      if isLetter(byte) {
        name[position] = byte | 0x20
      } else if byte == dot {
        if !isLabel(name.span, start..<position) { badLabels += 1 }
        start = position + 1
      } else if !isLabelByte(byte) {
        return looksLikeIPv6(name.span) ? .addressLiteral : .badNameByte
      }
    }
    if start == name.count { return .trailingDot }
    if badLabels > 0 || !isLabel(name.span, start..<name.count) { return .badLabel }
    return isNumber(name.span, start..<name.count) ? .addressLiteral : nil
  }

  /// RFC 5890 2.3.1 (LDH labels: no hyphen at either end), and underscores.
  private static func isLabel(_ name: Span<UInt8>, _ label: Range<Int>) -> Bool {
    guard (1...maximumLabelBytes).contains(label.count) else { return false }
    return name[label.lowerBound] != UInt8(ascii: "-") && name[label.upperBound - 1] != UInt8(ascii: "-")
  }

  /// Whether a last label makes the whole an IPv4 address for those who parse addresses (WHATWG URL, "ends in a number"):
  /// `192.0.2.1`, but also `0x7f.1` or `3232235777`. No top-level domain is a number.
  private static func isNumber(_ name: Span<UInt8>, _ label: Range<Int>) -> Bool {
    // Nearly every last label begins with a letter.
    guard isDigit(name[label.lowerBound]) else { return false }
    if label.allSatisfy({ isDigit(name[$0]) }) { return true }
    guard label.count >= 2, name[label.lowerBound] == UInt8(ascii: "0"), name[label.lowerBound + 1] | 0x20 == UInt8(ascii: "x") else {
      return false
    }
    return label.dropFirst(2).allSatisfy { isHexDigit(name[$0]) }
  }

  /// Hex digits and colons, perhaps with an IPv4 tail, brackets or a zone: meant as an address, not as a name.
  private static func looksLikeIPv6(_ name: Span<UInt8>) -> Bool {
    guard name.indices.count(where: { name[$0] == UInt8(ascii: ":") }) >= 2 else { return false }
    let zone = name.indices.first { name[$0] == UInt8(ascii: "%") } ?? name.count
    return (0..<zone).allSatisfy { isHexDigit(name[$0]) || ":.[]".utf8.contains(name[$0]) }
  }

  private static func isLabelByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
  private static func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 &- UInt8(ascii: "a") < 26 }
  private static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
