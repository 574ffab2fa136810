/// One item of a node's `channels` (PROTOCOL.md 3.1.2).
public struct ChannelSettings: Hashable, Sendable {
  /// `name`, required: for people.
  public var name: String
  /// `type` and `settings`, both required.
  public var kind: Kind

  /// The types of channels with their settings; a node has at most one channel of each type.
  public enum Kind: Hashable, Sendable {
    case grpcServer(GRPCServerSettings)
    case grpcClient(GRPCClientSettings)
    case jsonrpcServer(JSONRPCServerSettings)
    case jsonrpcClient(JSONRPCClientSettings)
  }

  public init(name: String, kind: Kind) {
    self.name = name
    self.kind = kind
  }
}

/// Settings of a `grpc_server` channel: other nodes connect here.
public struct GRPCServerSettings: Hashable, Sendable {
  /// `bind_address`, default `localhost:4444`; TCP only.
  public var bindAddress: BindAddress
  /// `tcp_rate_limits`, default none: connections per source address and window.
  public var tcpRateLimits: [RateLimit]
  /// `tls`, required with a certificate; clients always have to show theirs.
  public var tls: TLSSettings
  /// `limits`, default all defaults.
  public var limits: GRPCChannelLimits

  public init(
    bindAddress: BindAddress = .tcp(host: "localhost", port: 4444), tcpRateLimits: [RateLimit] = [], tls: TLSSettings,
    limits: GRPCChannelLimits = GRPCChannelLimits()
  ) {
    self.bindAddress = bindAddress
    self.tcpRateLimits = tcpRateLimits
    self.tls = tls
    self.limits = limits
  }
}

/// Settings of a `grpc_client` channel: connects to other nodes.
public struct GRPCClientSettings: Hashable, Sendable {
  /// `tls`, required with a certificate.
  public var tls: TLSSettings
  /// `limits`, default all defaults.
  public var limits: GRPCChannelLimits

  public init(tls: TLSSettings, limits: GRPCChannelLimits = GRPCChannelLimits()) {
    self.tls = tls
    self.limits = limits
  }
}

extension ChannelSettings {
  static let supportedTypes = ["grpc_server", "grpc_client", "jsonrpc_server", "jsonrpc_client"]
  static let laterTypes = ["stdout", "quic"]

  /// Nil when the type is missing or unknown; that has been reported then.
  init?(_ item: Section) {
    let name = item.requiredString("name")
    let type = item.requiredString("type")
    item.dead("services", "has no effect", hint: "services are declared in the directory")
    guard Self.supportedTypes.contains(type) else {
      if Self.laterTypes.contains(type) {
        item.fail("type", "the channel type \"\(type)\" is not supported yet")
      } else if !type.isEmpty {
        item.mismatch(
          "type", expected: "one of \(Self.supportedTypes.joined(separator: ", "))", hint: suggestion(for: type, among: Self.supportedTypes)
        )
      }
      item.ignore("settings")
      item.finish()
      return nil
    }
    let settings = item.section("settings", required: true)
    item.finish()
    guard let settings, let kind = Kind(type: type, settings) else { return nil }
    self.init(name: name, kind: kind)
  }
}

extension ChannelSettings.Kind {
  fileprivate init?(type: String, _ section: Section) {
    switch type {
    case "grpc_server": self = .grpcServer(GRPCServerSettings(section))
    case "grpc_client": self = .grpcClient(GRPCClientSettings(section))
    case "jsonrpc_server": self = .jsonrpcServer(JSONRPCServerSettings(section))
    case "jsonrpc_client": self = .jsonrpcClient(JSONRPCClientSettings(section))
    default: return nil
    }
  }

  var type: String {
    switch self {
    case .grpcServer: "grpc_server"
    case .grpcClient: "grpc_client"
    case .jsonrpcServer: "jsonrpc_server"
    case .jsonrpcClient: "jsonrpc_client"
    }
  }
}

extension GRPCServerSettings {
  fileprivate init(_ section: Section) {
    self.init(
      bindAddress: section.optional("bind_address", BindAddress.tcp(parsing:)) ?? .tcp(host: "localhost", port: 4444),
      tcpRateLimits: RateLimit.list(section),
      tls: section.section("tls", required: true).map { TLSSettings($0, for: .grpcServer) } ?? TLSSettings(caCertificateFiles: []),
      limits: section.section("limits").map { GRPCChannelLimits($0, for: .server) } ?? GRPCChannelLimits())
    section.finish()
  }
}

extension GRPCClientSettings {
  fileprivate init(_ section: Section) {
    self.init(
      tls: section.section("tls", required: true).map { TLSSettings($0, for: .grpcClient) } ?? TLSSettings(caCertificateFiles: []),
      limits: section.section("limits").map { GRPCChannelLimits($0, for: .client) } ?? GRPCChannelLimits())
    // Reaching peers through the proxy that their entry names (PROTOCOL.md 10.7). Whoever asks for it by name is told that it is not there.
    if section.bool("useProxy", default: false) {
      section.fail("useProxy", "connections through a proxy are not supported yet", hint: "leave the key out, or set it to false")
    }
    section.finish()
  }
}
