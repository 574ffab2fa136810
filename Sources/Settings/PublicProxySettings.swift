import HyperModel

/// The `public` map of a proxy: the role that faces the Internet (PROTOCOL.md 3.5, and our additions).
public struct PublicProxySettings: Hashable, Sendable {
  /// `tls_bind_address`, default `localhost:443`: where clients connect; TCP only.
  public var tlsBindAddress: BindAddress
  /// `routes`, default none: names that are served from a server within our own reach.
  public var routes: [RouteSettings]
  /// `fallback.address`, default none: where hellos go whose name nobody has.
  public var fallback: DialAddress?
  /// The keys of the announcing side. Nil when there are routes and none of these keys: then nothing can be announced,
  /// and there is no node.
  public var network: PublicNetworkSettings?
  /// `tcp_rate_limits`, default none: connections of one source.
  public var tcpRateLimits: [RateLimit] = []
  /// `name_rate_limits`, default none: connections that ask for one server name.
  public var nameRateLimits: [RateLimit] = []
  /// `privacy`, default all defaults.
  public var privacy = PrivacySettings()
  /// `relay`, default all defaults.
  public var relay: RelayLimits

  public init(
    tlsBindAddress: BindAddress = .tcp(host: "localhost", port: 443), routes: [RouteSettings] = [], fallback: DialAddress? = nil,
    network: PublicNetworkSettings?, relay: RelayLimits = RelayLimits()
  ) {
    self.tlsBindAddress = tlsBindAddress
    self.routes = routes
    self.fallback = fallback
    self.network = network
    self.relay = relay
  }
}

extension PublicProxySettings {
  init(_ section: Section) {
    self.init(network: nil)
    tlsBindAddress = section.optional("tls_bind_address", BindAddress.tcp(parsing:)) ?? tlsBindAddress
    routes = RouteSettings.list(section, "routes")
    if let fallback = section.section("fallback") {
      self.fallback = fallback.required("address", placeholder: DialAddress.unix(path: "")) { text throws(TextMismatch) in
        try DialAddress(parsing: text)
      }
      fallback.finish()
    }
    tcpRateLimits = RateLimit.list(section)
    nameRateLimits = RateLimit.list(section, "name_rate_limits")
    privacy = section.section("privacy").map { PrivacySettings($0, hasHeader: false) } ?? privacy
    relay = section.section("relay").map(RelayLimits.init) ?? relay
    // Whoever writes one key of the announcing side wants it, and is told what is missing.
    let isAnnouncing = PublicNetworkSettings.keys.count(where: section.has) > 0
    if isAnnouncing || !(section.has("routes") || section.has("fallback")) {
      let network = PublicNetworkSettings(section)
      self.network = network
      if tlsBindAddress == network.internalBindAddress, tlsBindAddress.hasFixedPort {
        section.fail("internal_bind_address", "expected an address other than tls_bind_address, found the same, \(tlsBindAddress)")
      }
    }
    section.finish()
  }
}

/// What both roles have.
struct CommonProxySettings {
  var name: OperatorName
  var datastore: DatastoreSettings
  var jsonrpcClient: JSONRPCClientSettings
  var jsonrpcServer: JSONRPCServerSettings

  init(_ section: Section) {
    name = OperatorName(section.requiredString("name"))
    datastore = section.section("datastore", required: true).map(DatastoreSettings.init) ?? DatastoreSettings(filename: "")
    jsonrpcClient =
      section.section("jsonrpc_client", required: true).map(JSONRPCClientSettings.init)
      ?? JSONRPCClientSettings(endpoint: .unix(path: "", httpPath: ""))
    jsonrpcServer =
      section.section("jsonrpc_server", required: true).map(JSONRPCServerSettings.init)
      ?? JSONRPCServerSettings(bindAddress: .unix(path: ""))
  }
}

extension BindAddress {
  /// Whether two listeners with this address would be in each other's way.
  fileprivate var hasFixedPort: Bool {
    switch self {
    case .tcp(_, let port): port != 0
    case .unix: true
    }
  }
}
