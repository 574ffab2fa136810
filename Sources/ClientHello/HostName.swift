/// The syntax of the host names a hello may ask for (RFC 6066 3): what could be a name in the DNS, in ASCII.
///
/// Our policy where the RFCs leave room: underscores are accepted because services use them; a trailing dot is refused
/// because RFC 6066 forbids it, instead of guessing that it means the same name.
enum HostName {
  /// RFC 1035 2.3.4, written without the root's dot.
  static let maximumBytes = 253
  /// RFC 1035 2.3.4.
  static let maximumLabelBytes = 63

  /// The name in lower case.
  ///
  /// - Throws: what is wrong with it.
  @inline(never)
  static func read(_ name: RawSpan) throws(HelloRefusal) -> String {
    guard name.byteCount > 0 else { throw HelloRefusal(.emptyName) }
    guard name.byteCount <= maximumBytes else { throw HelloRefusal(.nameTooLong) }
    if try hasCapital(name) { return lowered(name) }
    // Unchecked, because it has just been seen that there is nothing but ASCII.
    return name.withUnsafeBytes {
      String(copying: UTF8Span(unchecked: $0.assumingMemoryBound(to: UInt8.self).span, isKnownASCII: true))
    }
  }

  /// Checks a name of 1 to `maximumBytes` bytes, and says whether there is one of A–Z in it.
  ///
  /// - Throws: what is wrong with the name.
  @inline(__always)
  private static func hasCapital(_ name: RawSpan) throws(HelloRefusal) -> Bool {
    var next = 0
    var labelStart = 0
    var lastHyphen = -1
    var hasBadLabel = false
    var hasCapital = false
    while next < name.byteCount {
      next &+= lettersInRow(name, from: next)
      guard next < name.byteCount else { break }
      let position = next
      let byte = name.byte(at: position)
      next &+= 1
      if byte == UInt8(ascii: ".") {
        if !isLabel(labelStart..<position, lastHyphen) { hasBadLabel = true }
        labelStart = next
      } else if byte == UInt8(ascii: "-") {
        if position == labelStart { hasBadLabel = true }
        lastHyphen = position
      } else if isLetter(byte) {
        if byte & 0x20 == 0 { hasCapital = true }
      } else if !isDigit(byte), byte != UInt8(ascii: "_") {
        throw HelloRefusal(looksLikeIPv6(name) ? .addressLiteral : .badNameByte)
      }
    }
    let last = labelStart..<name.byteCount
    if last.isEmpty { throw HelloRefusal(.trailingDot) }
    if hasBadLabel || !isLabel(last, lastHyphen) { throw HelloRefusal(.badLabel) }
    // Nearly every last label begins with a letter.
    if isDigit(name.byte(at: labelStart)), isNumber(name, last) { throw HelloRefusal(.addressLiteral) }
    return hasCapital
  }

  /// How many of a–z, which nearly all bytes of names are, stand from a position within the name on. At most 8 are counted, and
  /// none in a name of less than 8 bytes.
  @inline(__always)
  private static func lettersInRow(_ name: RawSpan, from position: Int) -> Int {
    let start = min(position, name.byteCount &- 8)
    guard start >= 0 else { return 0 }
    // Eight bytes at once, that at the position lowest; above the last one of the name are zeros.
    let eight = name.eight(at: start)
    let word = eight &>> UInt64(truncatingIfNeeded: (position &- start) &* 8)
    // In the top bit of each byte: whether it is `a` or above, `z` or below, and ASCII.
    let ones: UInt64 = 0x0101_0101_0101_0101
    let low = word & (ones &* 0x7F)
    let letters = (low &+ ones &* (0x80 - 0x61)) & ~(low &+ ones &* (0x7F - 0x7A)) & ~word
    return (~letters & (ones &* 0x80)).trailingZeroBitCount &>> 3
  }

  /// The name with a–z for A–Z.
  private static func lowered(_ name: RawSpan) -> String {
    String(unsafeUninitializedCapacity: name.byteCount) { buffer in
      for position in name.byteOffsets {
        let byte = name.byte(at: position)
        buffer[position] = isLetter(byte) ? byte | 0x20 : byte
      }
      return name.byteCount
    }
  }

  /// RFC 5890 2.3.1 (LDH labels, and underscores): not empty, not too long, and no hyphen at its end.
  private static func isLabel(_ label: Range<Int>, _ lastHyphen: Int) -> Bool {
    UInt(bitPattern: label.upperBound &- label.lowerBound &- 1) < maximumLabelBytes && lastHyphen != label.upperBound &- 1
  }

  /// Whether a last label that begins with a digit makes the whole an IPv4 address for those who parse addresses (WHATWG URL, "ends in a number"):
  /// `192.0.2.1`, but also `0x7f.1` or `3232235777`. No top-level domain is a number.
  private static func isNumber(_ name: RawSpan, _ label: Range<Int>) -> Bool {
    if label.allSatisfy({ isDigit(name.byte(at: $0)) }) { return true }
    guard label.count >= 2, name.byte(at: label.lowerBound) == UInt8(ascii: "0"),
      name.byte(at: label.lowerBound + 1) | 0x20 == UInt8(ascii: "x")
    else { return false }
    return label.dropFirst(2).allSatisfy { isHexDigit(name.byte(at: $0)) }
  }

  /// Hex digits and colons, perhaps with an IPv4 tail, brackets or a zone: meant as an address, not as a name.
  private static func looksLikeIPv6(_ name: RawSpan) -> Bool {
    guard name.byteOffsets.count(where: { name.byte(at: $0) == UInt8(ascii: ":") }) >= 2 else { return false }
    let zone = name.byteOffsets.first { name.byte(at: $0) == UInt8(ascii: "%") } ?? name.byteCount
    return (0..<zone).allSatisfy { isHexDigit(name.byte(at: $0)) || ":.[]".utf8.contains(name.byte(at: $0)) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
  private static func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 &- UInt8(ascii: "a") < 26 }
  private static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
