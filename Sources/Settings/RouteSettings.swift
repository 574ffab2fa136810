public import Announcements

/// One item of a public proxy's `routes` or a private proxy's `internal_endpoints`: a name, perhaps some protocols, and the
/// server for them.
public struct RouteSettings: Hashable, Sendable {
  /// `domain`, required: a full host name or a wildcard of one label (`*.example.org`), in lower case here however it was written.
  public var domain: String
  /// `alpn`: the protocols (RFC 7301) it is for. Default (empty): all that no other item of this domain takes.
  public var alpn: [String]
  /// `address`, required: `host:port` or `unix:PATH`.
  public var address: DialAddress

  public init(domain: String, alpn: [String] = [], address: DialAddress) {
    self.domain = domain
    self.alpn = alpn
    self.address = address
  }

  /// The same as the table of routes has it.
  public var route: StaticRoute { StaticRoute(domain: domain, alpn: alpn, address: address.description) }
}

extension RouteSettings {
  /// The items of a list, of which no two claim the same domain and protocol: the order of lines must not decide.
  static func list(_ section: Section, _ key: String) -> [RouteSettings] {
    list(section, key) { _ in }.map(\.route)
  }

  /// - Parameter more: reads what an item has besides.
  static func list<More>(_ section: Section, _ key: String, more: (Section) -> More) -> [(route: RouteSettings, more: More)] {
    var taken: [Claim: SourcePosition] = [:]
    return section.sections(key).map { item in
      let more = more(item)
      let route = RouteSettings(item)
      for claim in route.claims where !route.domain.isEmpty {
        if let first = taken[claim] {
          item.fail(
            claim.alpn == nil ? "domain" : "alpn", "expected one item for \(claim), found another one at \(first)")
        }
        taken[claim] = taken[claim] ?? item.value.position
      }
      return (route, more)
    }
  }

  private init(_ item: Section) {
    self.init(
      domain: item.required("domain", placeholder: "", namePattern), alpn: item.texts("alpn", protocolID),
      address: item.required("address", placeholder: .unix(path: "")) { text throws(TextMismatch) in try DialAddress(parsing: text) })
    // Elements that cannot be read are reported by themselves; this is about a list without any.
    if case .list([]) = item.value["alpn"]?.content {
      item.fail("alpn", "expected at least one protocol, found an empty list", hint: "leave the key out for all protocols")
    }
    if Set(alpn).count < alpn.count { item.fail("alpn", "expected each protocol once") }
    item.finish()
  }

  /// What an item wants for itself; nil means all protocols without an item of their own.
  private struct Claim: Hashable, CustomStringConvertible {
    var domain: String
    var alpn: String?

    var description: String { alpn.map { "protocol \(quoted($0)) of \(domain)" } ?? "all protocols of \(domain)" }
  }

  private var claims: Set<Claim> {
    alpn.isEmpty ? [Claim(domain: domain, alpn: nil)] : Set(alpn.map { Claim(domain: domain, alpn: $0) })
  }
}

/// A protocol id as clients send it (RFC 7301 3.1), for instance `h2` or `acme-tls/1`.
private func protocolID(_ text: String) throws(TextMismatch) -> String {
  guard (1...255).contains(text.utf8.count) else { throw TextMismatch("a protocol id of 1 to 255 bytes") }
  return text
}
