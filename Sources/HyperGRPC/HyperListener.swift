import Addresses
import GRPCNIOTransportHTTP2Posix
import Logging
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL
import Operations
import Trust

/// Accepts connections for the gRPC server: mutual TLS with our own verification, the connection table and the PING shield below HTTP/2.
struct HyperListener: HTTP2ServerTransport.ListenerFactory {
  let socket: BoundSocket
  let tls: @Sendable () throws -> NIOSSLContext
  let verifier: PeerVerifier
  let limits: GRPCLimits
  let keepalive: Keepalive
  let connections: ConnectionTable
  let rates: ConnectionRates
  let refusals: RefusalLog
  let log: PeerLog
  let eventLoopGroup: any EventLoopGroup

  struct NoDescriptor: Error, CustomStringConvertible {
    var description: String { "a gRPC server runs only once" }
  }

  struct TooManyConnections: Error {}
  struct TooOften: Error {}

  func makeListeningChannel(
    listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
    connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
  ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
    guard let descriptor = socket.take() else { throw NoDescriptor() }
    let refusals = refusals
    var bootstrap = ServerBootstrap(group: eventLoopGroup)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptGate { refusals.paused($0) }) }
          .flatMap { listenerConfigurator.configure(channel: channel) }
      }
      .serverChannelOption(ChannelOptions.backlog, value: BoundSocket.backlog)
      .serverChannelOption(ChannelOptions.maxMessagesPerRead, value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    for (option, value) in limits.probing.options { bootstrap = bootstrap.childChannelOption(option, value: value) }
    return
      try await bootstrap
      .bind(descriptor) { channel in
        channel.eventLoop.makeCompletedFuture { try addHandlers(to: channel) }
          .flatMap { connectionConfigurator.configure(channel: channel, tls: .configured(requireALPN: false)) }
          .flatMapThrowing { configured in
            try addFarewell(to: channel)
            return configured
          }
          .flatMapErrorThrowing { error in
            // NIO leaves one whose preparation fails open, with nobody to close it.
            channel.close(promise: nil)
            throw error
          }
      }
  }

  /// Runs on the channel's event loop, before it reads.
  private func addHandlers(to channel: any NIOCore.Channel) throws {
    if let source = channel.remoteAddress?.ipAddress.flatMap(Source.init(_:)), case .refuse(let rate) = rates.admit(source) {
      refusals.note(.rate(source: source, rate))
      throw TooOften()
    }
    guard let connection = connections.add(channel) else {
      refusals.note(.full(remote: channel.remoteAddress?.description ?? "", limit: limits.connections))
      throw TooManyConnections()
    }
    channel.closeFuture.whenComplete { _ in connections.remove(connection) }
    let verifier = verifier
    let callback: @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResultWithMetadata>) -> Void = { chain, promise in
      promise.completeWithTask {
        switch await verifier.verify(chain: chain, as: .client) {
        case .success(let peer):
          connection.accepted(peer)
          return .certificateVerified(VerificationMetadata(nil))
        case .failure(let refusal):
          connection.refused(refusal)
          return .failed
        }
      }
    }
    let refusals = refusals
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(NIOSSLServerHandler(context: try tls(), customVerificationCallbackWithMetadata: callback))
    try pipeline.addHandler(
      HandshakeWatch(limit: limits.handshakeTime) { outcome in
        switch outcome {
        case .completed: break
        case .timedOut: refusals.note(.silent(connection))
        case .failed(let error): refusals.note(.handshake(connection, error))
        }
      })
    try pipeline.addHandler(
      // Behind the farewell that the transport says when a PING is not answered, and the time that calls have to end then.
      SilenceWatch(limit: keepalive.after + keepalive.timeout + limits.ageGrace) { refusals.note(.hung(connection)) })
    try pipeline.addHandler(ConnectionMark(connection, messageSize: limits.messageSize, log: log))
    let flood = PingShield.Events(flood: { refusals.note(.flood(connection)) })
    try pipeline.addHandler(PingShield(expectsPreface: true, perSecond: limits.pingsPerSecond, events: flood))
    try pipeline.addHandler(FlushGather())
  }

  /// Runs on the channel's event loop, when the transport has added its handlers.
  private func addFarewell(to channel: any NIOCore.Channel) throws {
    let pipeline = channel.pipeline.syncOperations
    let (refusals, mark) = (refusals, try pipeline.handler(type: ConnectionMark.self))
    let times = Farewell.Times(age: limits.connectionAge, idle: limits.idleTime, grace: limits.ageGrace)
    let farewell = Farewell(times) { refusals.note(.unanswered(mark.connection)) }
    try pipeline.addHandler(farewell, position: .after(pipeline.handler(type: NIOHTTP2Handler.self)))
  }

  /// For the transport's `onAcceptHTTP2Stream`; runs on the connection's event loop, which is also the stream's.
  static func prepare(_ stream: any NIOCore.Channel) -> EventLoopFuture<Void> {
    stream.eventLoop.makeCompletedFuture {
      guard let pipeline = stream.parent?.pipeline.syncOperations else { return }
      try pipeline.handler(type: Farewell.self).opened(stream)
      try pipeline.handler(type: ConnectionMark.self).prepare(stream)
    }
  }
}
