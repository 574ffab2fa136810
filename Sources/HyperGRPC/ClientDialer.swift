import GRPCCore
import GRPCNIOTransportHTTP2Posix
import HyperModel
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import Operations
import Synchronization
import Trust

/// Makes one verified connection to a peer: TCP, mutual TLS with the operator's name and pin, the peer's first HTTP/2 frame.
///
/// The first frame counts because in TLS 1.3 a client has finished its handshake before the server has looked at its certificate.
struct ClientDialer: Sendable {
  let ownName: OperatorName
  let tls: TLSContextCache
  let verifier: PeerVerifier
  let limits: GRPCLimits
  let keepalive: Keepalive
  let eventLoopGroup: any EventLoopGroup
  /// Nil: the system's.
  var resolver: (any Resolver & Sendable)?

  /// - Parameter isKept: whether the connection lives without calls.
  /// - Throws: `DialFailure` after at most `limits.connectTime`.
  func connect(to peer: OperatorName, at address: PeerAddress, isKept: Bool) async throws(DialFailure) -> ClientConnection {
    let attempts = DialAttempts()
    let deadline = NIODeadline.now() + TimeAmount(limits.connectTime)
    let chosen = Mutex<DialProgress?>(nil)
    let transport: HTTP2ClientTransport.WrappedChannel
    let context: NIOSSLContext
    do {
      context = try tls.context()
    } catch {
      throw DialFailure(.refused, "our own certificate cannot be used: \(error)")
    }
    do {
      transport = try await HTTP2ClientTransport.WrappedChannel.wrapping(
        config: config(peer: peer, isKept: isKept, attempts)
      ) { configure in
        var bootstrap = ClientBootstrap(group: eventLoopGroup)
          .connectTimeout(TimeAmount(limits.connectTime))
          .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        if let resolver { bootstrap = bootstrap.resolver(resolver) }
        for (option, value) in limits.probing.options { bootstrap = bootstrap.channelOption(option, value: value) }
        let connected =
          try await bootstrap
          .connect(host: address.host, port: address.port) { channel in
            channel.eventLoop.makeCompletedFuture {
              try addHandlers(to: channel, peer: peer, context: context, progress: attempts.began(channel, until: deadline))
            }
            .flatMap { configure(channel) }
          }
        chosen.withLock { $0 = attempts.progress(of: connected.channel) }
        return connected
      }
    } catch {
      let failure = DialFailure(connecting: address, error)
      attempts.end(failure)
      throw failure
    }
    // There is one for every channel that was connected.
    guard let progress = chosen.withLock({ $0 }) else { throw DialFailure(.unreachable, "the connection was not prepared") }
    switch await progress.outcome() {
    case .success(let established):
      return ClientConnection(
        transport: transport, channel: established.channel, peer: established.peer, goAway: progress.goAway,
        channelCloses: progress.channelCloses, limits: limits)
    case .failure(let failure):
      // The channel is closed, but its transport must be run to its end all the same: NIO traps when the writer of a channel that was
      // connected is dropped unused. What it has to say was said better above.
      try? await transport.connect()
      throw failure
    }
  }

  /// Runs on the channel's event loop.
  private func addHandlers(
    to channel: any NIOCore.Channel, peer: OperatorName, context: NIOSSLContext, progress: DialProgress
  ) throws {
    let verifier = verifier
    let callback: @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResultWithMetadata>) -> Void = { chain, promise in
      promise.completeWithTask {
        switch await verifier.verify(chain: chain, as: .server(expectedName: peer)) {
        case .success(let verified):
          progress.verified(verified)
          return .certificateVerified(VerificationMetadata(nil))
        case .failure(let refusal):
          progress.settle(.failure(DialFailure(refusal)))
          return .failed
        }
      }
    }
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(tlsHandler(context: context, peer: peer, callback: callback))
    try pipeline.addHandler(DialWatch(progress: progress))
    let events = PingShield.Events(firstFrame: { progress.accepted() }, goAway: { progress.sawGoAway() })
    try pipeline.addHandler(PingShield(expectsPreface: false, perSecond: limits.pingsPerSecond, events: events))
    try pipeline.addHandler(FlushGather())
  }

  /// An operator name that cannot be a server name (an IP address, odd text) is left out of the hello; it is verified all the same.
  private func tlsHandler(
    context: NIOSSLContext, peer: OperatorName,
    callback: @escaping @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResultWithMetadata>) -> Void
  ) throws -> NIOSSLClientHandler {
    do {
      return try NIOSSLClientHandler(context: context, serverHostname: peer.text, customVerificationCallbackWithMetadata: callback)
    } catch {
      return try NIOSSLClientHandler(context: context, serverHostname: nil, customVerificationCallbackWithMetadata: callback)
    }
  }

  private func config(peer: OperatorName, isKept: Bool, _ attempts: DialAttempts) -> HTTP2ClientTransport.WrappedChannel.Config {
    .defaults { config in
      config.http2.authority = peer.text
      config.connection.flushCoalescing = nil
      config.connection.maxIdleTime = isKept ? nil : limits.idleTime
      config.connection.keepalive = .init(time: keepalive.after, timeout: keepalive.timeout, allowWithoutCalls: true)
      config.channelDebuggingCallbacks.onCreateHTTP2Stream = { stream in
        stream.eventLoop.makeCompletedFuture {
          guard let goAway = stream.parent.flatMap({ attempts.progress(of: $0) })?.goAway else { return }
          try stream.pipeline.syncOperations.addHandlers([UnprocessedWatch(goAway: goAway), HTTPSScheme()], position: .first)
        }
      }
    }
  }
}

/// Says `https` in the requests of a TLS connection: the transport for ready-made connections always says `http`. No mutable state.
private final class HTTPSScheme: ChannelOutboundHandler {
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .headers(var payload) = unwrapOutboundIn(data), payload.headers.contains(name: ":scheme") else {
      context.write(data, promise: promise)
      return
    }
    // Pseudo-headers come before the others (RFC 9113, 8.3), so the order is kept.
    payload.headers = HPACKHeaders(payload.headers.map { name, value, _ in (name, name == ":scheme" ? "https" : value) })
    context.write(wrapOutboundOut(.headers(payload)), promise: promise)
  }
}

/// Tells the dialler how its connection fails before the peer has accepted it, and calls when it takes no more of them. No mutable state.
private final class DialWatch: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let progress: DialProgress

  init(progress: DialProgress) {
    self.progress = progress
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    progress.failed(error)
    context.fireErrorCaught(error)
    // Nothing above knows what to do with a connection whose TLS is broken.
    context.close(promise: nil)
  }

  /// Also the transport's doing, when the connection is idle. TLS says goodbye before the channel is closed.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    progress.channelCloses.raise()
    context.close(mode: mode, promise: promise)
  }

  /// Also of an attempt that was given up before it was connected.
  func handlerRemoved(context: ChannelHandlerContext) {
    progress.settle(.failure(DialFailure(.unreachable, "the attempt was given up")))
  }

  func channelInactive(context: ChannelHandlerContext) {
    progress.channelCloses.raise()
    progress.settle(.failure(DialFailure(.failedAfterAccept, "the peer closed the connection during the handshake")))
    context.fireChannelInactive()
  }
}
