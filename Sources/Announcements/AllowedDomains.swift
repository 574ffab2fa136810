public import HyperModel

/// The names an operator may announce: `allowed_domains` (PROTOCOL.md 10.1) and `allowed_names` in its directory settings
/// for service `proxy`.
///
/// Each entry of `allowed_domains` starts with a dot and covers every name and wildcard that ends with it, not the bare
/// name behind the dot. `allowed_names` holds single names and wildcards, each of which covers itself: the bare name, or
/// one below a wildcard that belongs to another operator. Comparison is in lower case.
public struct AllowedDomains: Hashable, Sendable {
  /// The entries of `allowed_domains` in lower case, each with its leading dot.
  public let suffixes: [String]
  private let exactNames: Set<String>

  /// Allows nothing.
  public static let none = AllowedDomains(suffixes: [], names: [])

  private init(suffixes: [String], names: Set<String>) {
    self.suffixes = suffixes
    exactNames = names
  }

  /// - Throws: when an entry of the domains is not a dot and a host name (a lone dot, which would allow every name, is
  ///   none), or one of the names is neither a name nor a wildcard.
  public init(_ suffixes: [String], names: [String] = []) throws(AllowedDomainsError) {
    var checked: [String] = []
    for suffix in suffixes {
      guard suffix.hasPrefix("."), let name = try? DomainName.normalized(String(suffix.dropFirst())) else {
        throw AllowedDomainsError("allowed_domains: \(suffix.debugDescription) is not a dot followed by a domain")
      }
      checked.append("." + name)
    }
    var exact: Set<String> = []
    for name in names {
      guard let name = try? DomainName.normalizedPattern(name) else {
        throw AllowedDomainsError("allowed_names: \(name.debugDescription) is neither a name nor a wildcard")
      }
      exact.insert(name)
    }
    self.init(suffixes: checked, names: exact)
  }

  /// Reads `allowed_domains` and `allowed_names` out of an operator's settings; one of them may be missing.
  ///
  /// - Throws: when both are missing, one is no list of strings, or has a bad entry: the settings are wrong, not the caller.
  public init(settings: [String: JSONValue]) throws(AllowedDomainsError) {
    let names = try Self.strings(settings, "allowed_names")
    guard let suffixes = try Self.strings(settings, "allowed_domains") ?? (names == nil ? nil : []) else {
      throw AllowedDomainsError("allowed_domains: expected a list of domains")
    }
    try self.init(suffixes, names: names ?? [])
  }

  private static func strings(_ settings: [String: JSONValue], _ key: String) throws(AllowedDomainsError) -> [String]? {
    guard let value = settings[key] else { return nil }
    guard let list = value.array else { throw AllowedDomainsError("\(key): expected a list of domains") }
    var strings: [String] = []
    for entry in list {
      guard let string = entry.string else { throw AllowedDomainsError("\(key): expected strings only") }
      strings.append(string)
    }
    return strings
  }

  /// Everything allowed: the suffixes as written in the directory, then the single names in order.
  public var entries: [String] { suffixes + exactNames.sorted() }

  /// Whether a name or wildcard in lower case is covered.
  public func permits(_ domain: String) -> Bool {
    names(domain) || suffixes.contains { domain.utf8.count > $0.utf8.count && domain.hasSuffix($0) }
  }

  /// Whether exactly this name or wildcard, in lower case, is allowed by itself.
  public func names(_ domain: String) -> Bool { exactNames.contains(domain) }
}

/// What is wrong with the allowed domains in the directory.
public struct AllowedDomainsError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) {
    self.description = description
  }
}
