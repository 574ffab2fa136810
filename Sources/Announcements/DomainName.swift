/// The syntax of the names that can be announced: exactly those a hello is allowed to ask for, so that no name is
/// announced that nobody can reach.
///
/// The reader of hellos checks bytes and this checks text, in words for a person; both follow RFC 6066 3 and the same
/// policy (underscores yes, trailing dot no, addresses no).
public enum DomainName {
  /// RFC 1035 2.3.4, written without the root's dot.
  static let maximumBytes = 253
  /// RFC 1035 2.3.4.
  static let maximumLabelBytes = 63

  /// The name in lower case.
  ///
  /// - Throws: `.badName` with what is wrong.
  public static func normalized(_ text: String) throws(AnnouncementRefusal) -> String {
    if let problem = problem(with: text.utf8) { throw .badName(text, problem: problem) }
    return lowercased(text)
  }

  /// A–Z as a–z and nothing else: names are ASCII, and no other folding may make two of them equal.
  static func lowercased(_ text: String) -> String {
    String(decoding: text.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
  }

  private static func problem(with name: String.UTF8View) -> String? {
    guard !name.isEmpty else { return "is empty" }
    guard name.count <= maximumBytes else { return "is longer than \(maximumBytes) bytes" }
    guard name.allSatisfy({ isLabelByte($0) || $0 == UInt8(ascii: ".") }) else {
      return "has characters other than letters, digits, hyphens, underscores and dots"
    }
    guard name.last != UInt8(ascii: ".") else { return "ends with a dot" }
    let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard labels.allSatisfy({ !$0.isEmpty }) else { return "has an empty label" }
    guard labels.allSatisfy({ $0.count <= maximumLabelBytes }) else { return "has a label longer than \(maximumLabelBytes) bytes" }
    guard labels.allSatisfy({ $0.first != UInt8(ascii: "-") && $0.last != UInt8(ascii: "-") }) else {
      return "has a label that begins or ends with a hyphen"
    }
    guard !(labels.last.map(isNumber) ?? false) else { return "is an address, or ends in a number like one" }
    return nil
  }

  /// What makes a whole name an IPv4 address for those who parse addresses (WHATWG URL, "ends in a number").
  private static func isNumber(_ label: Substring.UTF8View) -> Bool {
    if label.allSatisfy(isDigit) { return true }
    guard label.count >= 2, label.first == UInt8(ascii: "0"), label.dropFirst().first.map({ $0 | 0x20 }) == UInt8(ascii: "x") else {
      return false
    }
    return label.dropFirst(2).allSatisfy { isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0 | 0x20) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func isLabelByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
      || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }
}
