import Broker
import HyperGRPC
import HyperModel
import JSONRPC
import Logging
import Operations
import ServiceLifecycle
import Settings
import Trust
import Wiring

/// The parts of a node while it is being put together: its channels in the order of the settings, and what has to be bound and run.
struct NodeParts {
  private let trust: TrustStore
  /// What this node calls itself among those of its operator.
  private let nodeName: String
  private let peers: PeerConnections
  private(set) var channels: [any Channel] = []
  private(set) var services: [any Service] = []
  /// Bound before anything runs; each answers where it listens.
  private var listeners: [(what: String, bind: () async throws -> String)] = []

  init(trust: TrustStore, nodeName: String, peers: PeerConnections) {
    self.trust = trust
    self.nodeName = nodeName
    self.peers = peers
  }

  mutating func add(
    _ channel: ChannelSettings, of node: NodeSettings, handler: any RequestHandler, directory: any DirectoryReader, logger: Logger,
    metrics: MetricsRegistry
  ) throws(StartFailure) {
    switch channel.kind {
    case .grpcServer(let settings):
      let server = GRPCServerChannel(
        ownName: node.name, configuration: try configuration(settings, name: channel.name, of: node), directory: directory,
        handler: handler, peers: peers, logger: logger, metrics: metrics)
      channels.append(server)
      services.append(server)
      listeners.append(("grpc", { "\(try await server.bind())" }))
    case .grpcClient(let settings):
      var configuration = GRPCClientConfiguration(
        name: channel.name, trust: try LocalLinks.trust(settings.tls, ownName: node.name, in: trust))
      configuration.nodeName = nodeName
      configuration.limits.set(settings.limits)
      let client = GRPCClientChannel(
        ownName: node.name, configuration: configuration, directory: directory, handler: handler, peers: peers, logger: logger,
        metrics: metrics)
      channels.append(client)
      services.append(client)
    case .jsonrpcClient(let settings):
      let name = node.name
      let pins: Pins = { _ in directory.current.encryptionPins(for: name) }
      let client = try LocalLinks.client(settings, ownName: name, pins: pins, trust: trust, logger: logger, metrics: metrics)
      channels.append(ServiceChannel(name: channel.name, ownName: node.name, client: client))
      services.append(ClientCloser(client: client))
    case .jsonrpcServer:
      break  // it needs the finished broker: `addLocalServer`
    }
  }

  /// The server through which local programs submit requests. Only the own operator's certificate, or a local user, may.
  mutating func addLocalServer(
    of node: NodeSettings, broker: Broker, directory: any DirectoryReader, logger: Logger, metrics: MetricsRegistry
  ) throws(StartFailure) {
    for channel in node.channels {
      guard case .jsonrpcServer(let settings) = channel.kind else { continue }
      let name = node.name
      let server = try LocalLinks.server(
        name: channel.name, settings, ownName: name, pins: { directory.current.encryptionPins(for: name) }, trust: trust,
        logger: logger, metrics: metrics
      ) { request in
        do throws(CallFailure) {
          return try await broker.submit(
            methodText: request.method, inner: request.id, params: request.params, deadline: request.deadline
          ).outcome
        } catch {
          return .fault(error.faultForLocalCaller)
        }
      }
      services.append(server)
      listeners.append(("jsonrpc", { "\(try await server.bind())" }))
    }
  }

  mutating func addMetrics(_ settings: MetricsSettings, logger: Logger, metrics: MetricsRegistry) {
    let endpoint = MetricsEndpoint.make(settings, logger: logger, metrics: metrics)
    services.insert(endpoint, at: 0)
    listeners.append(("metrics", { "\(try await endpoint.bind())" }))
  }

  /// Binds every listener and says where.
  func bind() async throws -> Logger.Metadata {
    var metadata: Logger.Metadata = [:]
    for listener in listeners { metadata[listener.what] = "\(try await listener.bind())" }
    return metadata
  }

  private func configuration(
    _ settings: GRPCServerSettings, name: String, of node: NodeSettings
  ) throws(StartFailure) -> GRPCServerConfiguration {
    guard case .tcp(let host, let port) = settings.bindAddress else {
      throw StartFailure(message: "grpc_server listens on TCP only, not on \(settings.bindAddress)", hint: nil, status: ExitStatus.badUsage)
    }
    var configuration = GRPCServerConfiguration(
      name: name, host: host, port: port, trust: try LocalLinks.trust(settings.tls, ownName: node.name, in: trust))
    configuration.nodeName = nodeName
    configuration.limits.set(settings.limits)
    configuration.rates = settings.tcpRateLimits.map(ConnectionRate.init)
    return configuration
  }
}

extension GRPCLimits {
  fileprivate mutating func set(_ settings: GRPCChannelLimits) {
    connections = settings.maxConnections ?? connections
    handshakeTime = settings.handshakeTimeout ?? handshakeTime
    announcementTime = settings.announcementTimeout ?? announcementTime
    queuedCalls = settings.maxQueuedCalls ?? queuedCalls
    connectTime = settings.connectTimeout ?? connectTime
    callTime = settings.callTimeout ?? callTime
    concurrency = settings.streamCalls ?? concurrency
    messageSize = settings.messageBytes ?? messageSize
    pingsPerSecond = settings.pingsPerSecond ?? pingsPerSecond
    idleTime = settings.idleTimeout ?? idleTime
  }
}

/// Closes a client's connections when the node stops.
private struct ClientCloser: Service {
  let client: JSONRPCClient

  func run() async throws {
    try? await gracefulShutdown()  // throws only when cancelled: then, too, the connections go
    await client.shutdown()
  }
}
