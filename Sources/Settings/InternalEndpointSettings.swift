public import ProxyProtocol

/// One item of a private proxy's `internal_endpoints`: for which hellos it is, and how its server learns whose they are.
public struct InternalEndpointSettings: Hashable, Sendable {
  public var route: RouteSettings
  /// `proxy_protocol`, `v1` or `v2`. Default (nil): the server gets the client's bytes alone.
  public var proxyProtocol: ProxyHeader.Version?

  public init(_ route: RouteSettings, proxyProtocol: ProxyHeader.Version? = nil) {
    self.route = route
    self.proxyProtocol = proxyProtocol
  }
}

extension InternalEndpointSettings {
  static func list(_ section: Section, _ key: String) -> [InternalEndpointSettings] {
    RouteSettings.list(section, key) { $0.proxyProtocol() }.map { InternalEndpointSettings($0.route, proxyProtocol: $0.more) }
  }
}

extension Section {
  func proxyProtocol() -> ProxyHeader.Version? {
    optional("proxy_protocol") { text throws(TextMismatch) in
      guard let version = ProxyHeader.Version(rawValue: text) else { throw TextMismatch("v1 or v2") }
      return version
    }
  }
}
