public import HyperModel

/// The domains under which an operator may announce names: `allowed_domains` in its directory settings for service
/// `proxy` (PROTOCOL.md 10.1).
///
/// Each entry starts with a dot and covers every name that ends with it, not the bare name behind the dot. Comparison is
/// in lower case.
public struct AllowedDomains: Hashable, Sendable {
  /// The entries in lower case, each with its leading dot.
  public let suffixes: [String]

  /// Allows nothing.
  public static let none = AllowedDomains(checked: [])

  private init(checked suffixes: [String]) {
    self.suffixes = suffixes
  }

  /// - Throws: when an entry is not a dot and a host name; a lone dot, which would allow every name, is none.
  public init(_ suffixes: [String]) throws(AllowedDomainsError) {
    var checked: [String] = []
    for suffix in suffixes {
      guard suffix.hasPrefix("."), let name = try? DomainName.normalized(String(suffix.dropFirst())) else {
        throw AllowedDomainsError("allowed_domains: \(suffix.debugDescription) is not a dot followed by a domain")
      }
      checked.append("." + name)
    }
    self.init(checked: checked)
  }

  /// Reads `allowed_domains` out of an operator's settings.
  ///
  /// - Throws: when it is missing, no list of strings, or has a bad entry: the settings are wrong, not the caller.
  public init(settings: [String: JSONValue]) throws(AllowedDomainsError) {
    guard let list = settings["allowed_domains"]?.array else {
      throw AllowedDomainsError("allowed_domains: expected a list of domains")
    }
    var suffixes: [String] = []
    for entry in list {
      guard let suffix = entry.string else { throw AllowedDomainsError("allowed_domains: expected strings only") }
      suffixes.append(suffix)
    }
    try self.init(suffixes)
  }

  /// Whether a name in lower case is covered.
  public func permits(_ domain: String) -> Bool {
    suffixes.contains { domain.utf8.count > $0.utf8.count && domain.hasSuffix($0) }
  }
}

/// What is wrong with the allowed domains in the directory.
public struct AllowedDomainsError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) {
    self.description = description
  }
}
