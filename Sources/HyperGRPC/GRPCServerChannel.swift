import GRPCCore
import GRPCNIOTransportHTTP2Posix
public import HyperModel
public import Logging
import NIOCore
import NIOPosix
public import Operations
public import ServiceLifecycle
import Synchronization
import Trust

/// The channel type `grpc_server`: peers call us, and we reach those that keep a `ServerCall` stream open (PROTOCOL.md 5.3, 7).
///
/// Every connection is mutual TLS, the peer's names and fingerprint are checked against the directory in its handshake (4.2).
/// `bound` is the only mutable state here, behind its mutex; the connection table and the stream registry protect themselves.
public final class GRPCServerChannel: HyperModel.Channel, Service {
  public var name: String { configuration.name }

  private let configuration: GRPCServerConfiguration
  private let service: HyperService
  private let registry: StreamRegistry
  private let connections: ConnectionTable
  private let log: PeerLog
  private let verifier: PeerVerifier
  private let tls: TLSContextCache
  private let logger: Logger
  private let metrics: CallMetrics
  private let eventLoopGroup = MultiThreadedEventLoopGroup.singleton
  private let bound = Mutex<BoundSocket?>(nil)

  /// - Parameter directory: asked for pins at every handshake.
  /// - Parameter handler: takes the peers' requests, in the name of an identity that was verified.
  /// - Parameter peers: is told of every `ServerCall` stream.
  public init(
    ownName: OperatorName, configuration: GRPCServerConfiguration, directory: any DirectoryReader, handler: any RequestHandler,
    peers: PeerConnections = PeerConnections(), logger: Logger, metrics: MetricsRegistry
  ) {
    self.configuration = configuration
    registry = StreamRegistry(connections: peers)
    self.metrics = CallMetrics(registry: metrics)
    self.logger = logger
    connections = ConnectionTable(limit: configuration.limits.connections)
    verifier = PeerVerifier(source: configuration.trust) { directory.current.encryptionPins(for: $0) }
    tls = TLSContextCache.server(configuration.trust)
    log = PeerLog(logger: logger)
    service = HyperService(
      ownName: ownName, nodeName: configuration.nodeName, limits: configuration.limits, handler: handler, connections: connections,
      registry: registry,
      metrics: self.metrics, logger: logger, log: log, eventLoopGroup: eventLoopGroup)
  }

  /// Binds the address; connections wait in the kernel until `run`.
  ///
  /// - Returns: the port, which is the kernel's choice when the configuration says 0.
  /// - Throws: `StartFailure` when the address cannot be had or our certificate makes no TLS server.
  public func bind() async throws(StartFailure) -> Int {
    do {
      _ = try tls.context()
    } catch let error as TrustError {
      throw StartFailure(message: "channel \(name): \(error.message)", hint: error.hint)
    } catch {
      throw StartFailure(message: "channel \(name): cannot set up TLS: \(error)", hint: nil)
    }
    let socket = try BoundSocket.listening(host: configuration.host, port: configuration.port)
    bound.withLock { $0 = socket }
    return socket.port
  }

  public func canDeliver(to recipient: OperatorName) -> Bool { registry[recipient] != nil }

  public func deliver(
    _ request: CallRequest, to recipient: OperatorName, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse {
    try await service.deliver(request, to: recipient, deadline: deadline)
  }

  /// Serves until the graceful shutdown: then every `ServerCall` ends with UNAVAILABLE, calls in flight get a part of `limits.stopTime`
  /// to finish, and at its end every connection is closed. Binds first unless `bind` was called.
  public func run() async throws {
    if bound.withLock({ $0 == nil }) { _ = try await bind() }
    guard let socket = bound.withLock({ $0 }) else { return }
    let server = GRPCServer(transport: transport(on: socket), services: [service])
    let (stopRequests, stopRequest) = AsyncStream<Void>.makeStream()
    defer { connections.closeAll() }
    try await withGracefulShutdownHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          do {
            try await server.serve()
          } catch let error as RuntimeError where error.code == .serverIsStopped {
            // Stopped before it had begun.
          }
        }
        group.addTask {
          for await _ in stopRequests { await self.stop(server) }
        }
        // Whatever ends first: serving, after a stop or by itself, or everything by cancellation.
        try await group.next()
        stopRequest.finish()
        group.cancelAll()
      }
    } onGracefulShutdown: {
      stopRequest.yield()
    }
  }

  private func transport(on socket: BoundSocket) -> HTTP2ServerTransport.Custom<HyperListener> {
    let limits = configuration.limits
    let metrics = metrics
    let listener = HyperListener(
      socket: socket, tls: { [tls] in try tls.context() }, verifier: verifier, limits: limits, keepalive: configuration.keepalive,
      connections: connections,
      rates: ConnectionRates(configuration.rates), refusals: RefusalLog(logger: logger, metrics: metrics),
      log: log, eventLoopGroup: eventLoopGroup)
    var config = HTTP2ServerTransport.Custom<HyperListener>.Config.defaults
    config.connection.flushCoalescing = nil
    // Said, because HTTP/2's own limit is kept without a word, and ends the connection of a peer that passes it.
    config.http2.maxConcurrentStreams = limits.streams
    // Age and idleness are the matter of `Farewell`.
    config.connection.maxGraceTime = limits.ageGrace
    config.connection.keepalive.time = configuration.keepalive.after
    config.connection.keepalive.timeout = configuration.keepalive.timeout
    // The shield answers and polices PINGs; the transport never sees them.
    config.connection.keepalive.clientBehavior.allowWithoutCalls = true
    config.rpc.maxRequestPayloadSize = limits.messageSize
    config.channelDebuggingCallbacks.onAcceptHTTP2Stream = HyperListener.prepare
    return HTTP2ServerTransport.Custom(listenerFactory: listener, config: config)
  }

  /// Streams first, then calls, then connections; each with its share of the stop time.
  private func stop<Transport: ServerTransport>(_ server: GRPCServer<Transport>) async {
    let start = ContinuousClock.now
    let stopTime = configuration.limits.stopTime
    registry.close(RPCError(code: .unavailable, message: "the node is stopping"))
    await wait(until: start + stopTime / 2) { self.service.activeCount == 0 }
    server.beginGracefulShutdown()
    // Closing takes a part of the time too, because TLS says goodbye.
    await wait(until: start + stopTime - TLSContextCache.shutdownTime * 2) { self.connections.count == 0 }
    connections.closeAll()
  }

  /// The transport has no events for these conditions, so this looks every few milliseconds, and only while stopping.
  private func wait(until end: ContinuousClock.Instant, _ condition: @Sendable () -> Bool) async {
    while !condition(), ContinuousClock.now < end {
      // Cancellation means that we are being torn down anyway.
      guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
    }
  }
}
