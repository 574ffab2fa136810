public import HyperModel
public import ProxyProtocol

/// The `private` map of a proxy: the role beside the internal server (PROTOCOL.md 3.5, and our additions).
public struct PrivateProxySettings: Hashable, Sendable {
  /// `name`, required: the operator name of the node beside it.
  public var name: OperatorName
  /// `datastore`, required.
  public var datastore: DatastoreSettings
  /// `jsonrpc_client`, required: towards the own node.
  public var jsonrpcClient: JSONRPCClientSettings
  /// `jsonrpc_server`, required: calls from the own node.
  public var jsonrpcServer: JSONRPCServerSettings
  /// `internal_endpoint.address`, default `localhost:8888` without `internal_endpoints` and none beside them: the server that holds
  /// the TLS key.
  public var internalEndpoint: DialAddress?
  /// `internal_endpoint.proxy_protocol`, `v1` or `v2`, default none: how that server learns whose connections it gets.
  public var proxyProtocol: ProxyHeader.Version?
  /// `internal_endpoints`, default none: servers for some names and protocols; what fits none of them goes to `internal_endpoint`.
  public var internalEndpoints: [InternalEndpointSettings]
  /// `health`, default all defaults; nil with `interval: 0`: nobody looks whether the internal servers are up.
  public var health: HealthSettings?
  /// `announcements`, default none: domains announced from the start, besides those announced by calls.
  public var announcements: [AnnouncementSettings]
  /// `privacy`, default all defaults.
  public var privacy = PrivacySettings()
  /// `relay`, default all defaults.
  public var relay: RelayLimits

  public init(
    name: OperatorName, datastore: DatastoreSettings, jsonrpcClient: JSONRPCClientSettings, jsonrpcServer: JSONRPCServerSettings,
    internalEndpoint: DialAddress? = .tcp(HostPort(host: "localhost", port: 8888)), internalEndpoints: [InternalEndpointSettings] = [],
    health: HealthSettings? = HealthSettings(), announcements: [AnnouncementSettings] = [],
    relay: RelayLimits = RelayLimits()
  ) {
    self.name = name
    self.datastore = datastore
    self.jsonrpcClient = jsonrpcClient
    self.jsonrpcServer = jsonrpcServer
    self.internalEndpoint = internalEndpoint
    self.internalEndpoints = internalEndpoints
    self.health = health
    self.announcements = announcements
    self.relay = relay
  }
}

extension PrivateProxySettings {
  init(_ section: Section) {
    let common = CommonProxySettings(section)
    self.init(name: common.name, datastore: common.datastore, jsonrpcClient: common.jsonrpcClient, jsonrpcServer: common.jsonrpcServer)
    internalEndpoints = InternalEndpointSettings.list(section, "internal_endpoints")
    if let health = section.section("health") { self.health = HealthSettings(health) }
    if let endpoint = section.section("internal_endpoint") {
      internalEndpoint = endpoint.optional("address") { text throws(TextMismatch) in try DialAddress(parsing: text) } ?? internalEndpoint
      proxyProtocol = endpoint.proxyProtocol()
      // The mode in which the private proxy ends TLS itself (PROTOCOL.md 10.6).
      endpoint.unsupported("tls")
      endpoint.unsupported("jsonrpc_client")
      endpoint.dead("jsonrpc_path", "has no effect without tls")
      endpoint.dead("timeout", "has no effect without tls")
      endpoint.finish()
    } else if !internalEndpoints.isEmpty {
      internalEndpoint = nil
    }
    announcements = AnnouncementSettings.list(section, owner: common.name)
    privacy = section.section("privacy").map { PrivacySettings($0, hasHeader: true) } ?? privacy
    relay = section.section("relay").map(RelayLimits.init) ?? relay
    section.finish()
  }
}
