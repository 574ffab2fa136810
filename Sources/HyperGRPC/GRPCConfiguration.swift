public import Operations
public import Trust

/// What a ``GRPCServerChannel`` needs to know.
public struct GRPCServerConfiguration: Sendable {
  /// The channel's name in the settings, for messages.
  public var name: String
  /// The address to listen at; an empty host is every address.
  public var host: String
  /// 0 for any free port.
  public var port: Int
  /// Our certificate and whom we trust; asked at every handshake, so that it may change.
  public var trust: TrustSource
  public var keepalive = Keepalive.server
  public var limits = GRPCLimits()
  /// What this node calls itself among those of its operator: random, another one at every start. Nil says nothing.
  public var nodeName: String?
  /// How many connections a source may open in each window.
  public var rates: [ConnectionRate] = []

  public init(name: String = "grpc_server", host: String, port: Int, trust: TrustSource) {
    self.name = name
    self.host = host
    self.port = port
    self.trust = trust
  }

  public init(name: String = "grpc_server", host: String, port: Int, credentials: Credentials) {
    self.init(name: name, host: host, port: port, trust: TrustSource(credentials))
  }
}

/// What a ``GRPCClientChannel`` needs to know.
public struct GRPCClientConfiguration: Sendable {
  /// The channel's name in the settings, for messages.
  public var name: String
  /// Our certificate and whom we trust; asked at every handshake, so that it may change.
  public var trust: TrustSource
  public var keepalive = Keepalive.client
  public var limits = GRPCLimits()
  /// What this node calls itself among those of its operator: random, another one at every start. Nil says nothing.
  public var nodeName: String?

  public init(name: String = "grpc_client", trust: TrustSource) {
    self.name = name
    self.trust = trust
  }

  public init(name: String = "grpc_client", credentials: Credentials) {
    self.init(name: name, trust: TrustSource(credentials))
  }
}
