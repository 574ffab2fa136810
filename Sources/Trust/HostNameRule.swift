/// Whether a DNS SAN covers a name, as TLS clients decide it (RFC 6125, 6.4).
///
/// Letters compare without case, a final dot is ignored, and `*` stands for exactly one whole label, the leftmost one of the pattern.
enum HostNameRule {
  static func matches(pattern: String, name: String) -> Bool {
    let pattern = labels(of: pattern)
    let name = labels(of: name)
    guard let pattern, let name, pattern.count == name.count else { return false }
    guard pattern.first == [UInt8(ascii: "*")] else { return pattern == name }
    // `*` alone would cover every single-label name, which is every ordinary operator name.
    return pattern.count > 1 && pattern.dropFirst() == name.dropFirst()
  }

  /// Nil when a label is empty or anything but the leftmost label is a wildcard.
  private static func labels(of text: String) -> [[UInt8]]? {
    var bytes = text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
    let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(Array.init)
    guard !labels.isEmpty, labels.allSatisfy({ !$0.isEmpty }) else { return nil }
    guard labels.dropFirst().allSatisfy({ !$0.contains(UInt8(ascii: "*")) }) else { return nil }
    return labels
  }
}
