/// Wildcards: `*.example.org` stands for every name of exactly one more label than `example.org`.
///
/// So `a.example.org` is meant, and neither `example.org` nor `b.a.example.org`; certificates have the same rule
/// (RFC 9525 6.3). At most one wildcard can cover a name, and the name itself is always more specific than it.
enum NamePattern {
  /// The wildcard that covers a name in lower case; nil for a name of one label and for what is a wildcard itself.
  ///
  /// - Complexity: one allocation for the text, whatever the number of names in a table.
  static func wildcard(covering domain: String) -> String? {
    guard !isWildcard(domain), let dot = domain.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
    return "*" + domain[dot...]
  }

  static func isWildcard(_ domain: String) -> Bool { domain.utf8.first == UInt8(ascii: "*") }
}

extension DomainName {
  /// What can be announced, in lower case: a name, or a wildcard with a name behind its `*.`.
  ///
  /// - Throws: `.badName` with what is wrong. A star anywhere else is wrong, and so is a lone one: it would stand for
  ///   every top-level domain.
  public static func normalizedPattern(_ text: String) throws(AnnouncementRefusal) -> String {
    guard text.utf8.starts(with: "*.".utf8) else { return try normalized(text) }
    guard text.utf8.count <= maximumBytes else { throw .badName(text, problem: "is longer than \(maximumBytes) bytes") }
    do throws(AnnouncementRefusal) {
      // Bytes, not characters: a combining mark behind the dot would make one character with it and vanish.
      return "*." + (try normalized(String(Substring(text.utf8.dropFirst(2)))))
    } catch {
      guard case .badName(_, let problem) = error else { throw error }
      throw .badName(text, problem: "is a wildcard for something that \(problem)")
    }
  }

  /// A name to look up, folded only where it has to be: readers of hellos give it in lower case already.
  static func folded(_ name: String) -> String {
    name.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } ? lowercased(name) : name
  }
}
