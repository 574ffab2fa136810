public import HyperModel

/// The `public` map of a proxy: the role that faces the Internet (PROTOCOL.md 3.5).
public struct PublicProxySettings: Hashable, Sendable {
  /// `name`, required: the operator name of the node beside it.
  public var name: OperatorName
  /// `datastore`, required.
  public var datastore: DatastoreSettings
  /// `tls_bind_address`, default `localhost:443`: where clients connect; TCP only.
  public var tlsBindAddress: BindAddress
  /// `internal_bind_address`, default `localhost:9999`: where private proxies show their tokens; TCP only.
  public var internalBindAddress: BindAddress
  /// `internal_endpoint`, default `localhost:9999`: the address private proxies are told to dial.
  public var internalEndpoint: HostPort
  /// `tcp_rate_limits`, default none. Accepted, not applied yet.
  public var tcpRateLimits: [RateLimit]
  /// `jsonrpc_client`, required: towards the own node.
  public var jsonrpcClient: JSONRPCClientSettings
  /// `jsonrpc_server`, required: calls from the own node.
  public var jsonrpcServer: JSONRPCServerSettings
  /// `accept_timeout`, 0.1…3000 seconds, default 10: how long a client waits for its private side.
  public var acceptTimeout: Duration
  /// `list_all_groups`, default none: members of these groups see everybody's announcements, others only their own.
  public var listAllGroups: [String]
  /// `relay`, default all defaults.
  public var relay: RelayLimits

  public init(
    name: OperatorName, datastore: DatastoreSettings, tlsBindAddress: BindAddress = .tcp(host: "localhost", port: 443),
    internalBindAddress: BindAddress = .tcp(host: "localhost", port: 9999),
    internalEndpoint: HostPort = HostPort(host: "localhost", port: 9999), tcpRateLimits: [RateLimit] = [],
    jsonrpcClient: JSONRPCClientSettings, jsonrpcServer: JSONRPCServerSettings, acceptTimeout: Duration = .seconds(10),
    listAllGroups: [String] = [], relay: RelayLimits = RelayLimits()
  ) {
    self.name = name
    self.datastore = datastore
    self.tlsBindAddress = tlsBindAddress
    self.internalBindAddress = internalBindAddress
    self.internalEndpoint = internalEndpoint
    self.tcpRateLimits = tcpRateLimits
    self.jsonrpcClient = jsonrpcClient
    self.jsonrpcServer = jsonrpcServer
    self.acceptTimeout = acceptTimeout
    self.listAllGroups = listAllGroups
    self.relay = relay
  }
}

extension PublicProxySettings {
  init(_ section: Section) {
    let common = CommonProxySettings(section)
    self.init(name: common.name, datastore: common.datastore, jsonrpcClient: common.jsonrpcClient, jsonrpcServer: common.jsonrpcServer)
    tlsBindAddress = section.optional("tls_bind_address", BindAddress.tcp(parsing:)) ?? tlsBindAddress
    internalBindAddress = section.optional("internal_bind_address", BindAddress.tcp(parsing:)) ?? internalBindAddress
    internalEndpoint =
      section.optional("internal_endpoint") { text throws(TextMismatch) in try HostPort(parsing: text) } ?? internalEndpoint
    tcpRateLimits = RateLimit.list(section)
    acceptTimeout = section.seconds("accept_timeout", in: 0.1...3000) ?? acceptTimeout
    listAllGroups = section.strings("list_all_groups")
    relay = common.relay
    if tlsBindAddress == internalBindAddress, tlsBindAddress.hasFixedPort {
      section.fail("internal_bind_address", "expected an address other than tls_bind_address, found the same, \(tlsBindAddress)")
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
  var relay: RelayLimits

  init(_ section: Section) {
    name = OperatorName(section.requiredString("name"))
    datastore = section.section("datastore", required: true).map(DatastoreSettings.init) ?? DatastoreSettings(filename: "")
    jsonrpcClient =
      section.section("jsonrpc_client", required: true).map(JSONRPCClientSettings.init)
      ?? JSONRPCClientSettings(endpoint: .unix(path: "", httpPath: ""))
    jsonrpcServer =
      section.section("jsonrpc_server", required: true).map(JSONRPCServerSettings.init)
      ?? JSONRPCServerSettings(bindAddress: .unix(path: ""))
    relay = section.section("relay").map(RelayLimits.init) ?? RelayLimits()
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
