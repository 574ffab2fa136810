public import HyperModel

/// The keys of a `public` map that make the proxy part of a Hyper network: private proxies announce names to it, and it hands
/// connections over to them.
public struct PublicNetworkSettings: Hashable, Sendable {
  /// `name`, required: the operator name of the node beside it.
  public var name: OperatorName
  /// `datastore`, required.
  public var datastore: DatastoreSettings
  /// `internal_bind_address`, default `localhost:9999`: where private proxies show their tokens; TCP only.
  public var internalBindAddress: BindAddress
  /// `internal_endpoint`, default `localhost:9999`: the address private proxies are told to dial.
  public var internalEndpoint: HostPort
  /// `jsonrpc_client`, required: towards the own node.
  public var jsonrpcClient: JSONRPCClientSettings
  /// `jsonrpc_server`, required: calls from the own node.
  public var jsonrpcServer: JSONRPCServerSettings
  /// `accept_timeout`, 0.1…3000 seconds, default 10: how long a client waits for its private side.
  public var acceptTimeout: Duration
  /// `ownership_grace`, 0…604800 seconds, default 300: how long a name stays its operator's who is away.
  public var ownershipGrace: Duration
  /// `max_notices`, 2…4096, default 128: notices without an answer at one time, of which one owner's private proxies may have as many as are free for
  /// others, so at most half. Further clients wait their turn, within `accept_timeout`.
  public var maxNotices = 128
  /// `list_all_groups`, default none: members of these groups see everybody's announcements, others only their own.
  public var listAllGroups: [String]

  public init(
    name: OperatorName, datastore: DatastoreSettings, internalBindAddress: BindAddress = .tcp(host: "localhost", port: 9999),
    internalEndpoint: HostPort = HostPort(host: "localhost", port: 9999), jsonrpcClient: JSONRPCClientSettings,
    jsonrpcServer: JSONRPCServerSettings, acceptTimeout: Duration = .seconds(10), ownershipGrace: Duration = .seconds(300),
    listAllGroups: [String] = []
  ) {
    self.name = name
    self.datastore = datastore
    self.internalBindAddress = internalBindAddress
    self.internalEndpoint = internalEndpoint
    self.jsonrpcClient = jsonrpcClient
    self.jsonrpcServer = jsonrpcServer
    self.acceptTimeout = acceptTimeout
    self.ownershipGrace = ownershipGrace
    self.listAllGroups = listAllGroups
  }
}

extension PublicNetworkSettings {
  /// All of them.
  static let keys = [
    "name", "datastore", "jsonrpc_client", "jsonrpc_server", "internal_bind_address", "internal_endpoint", "accept_timeout",
    "ownership_grace", "list_all_groups", "max_notices",
  ]

  init(_ section: Section) {
    let common = CommonProxySettings(section)
    self.init(name: common.name, datastore: common.datastore, jsonrpcClient: common.jsonrpcClient, jsonrpcServer: common.jsonrpcServer)
    internalBindAddress = section.optional("internal_bind_address", BindAddress.tcp(parsing:)) ?? internalBindAddress
    internalEndpoint =
      section.optional("internal_endpoint") { text throws(TextMismatch) in try HostPort(parsing: text) } ?? internalEndpoint
    acceptTimeout = section.seconds("accept_timeout", in: 0.1...3000) ?? acceptTimeout
    ownershipGrace = section.seconds("ownership_grace", in: 0...604_800) ?? ownershipGrace
    maxNotices = section.integer("max_notices", in: 2...4096) ?? maxNotices
    listAllGroups = section.strings("list_all_groups")
  }
}
