import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Trust

/// One kept-alive HTTP/1.1 connection of a client. Compared by identity; safe to use from any task, one exchange at a time.
final class ClientConnection: Sendable, Hashable {
  private let channel: any NIOCore.Channel
  private let gone: EventLoopFuture<Void>
  /// The version of our credentials that it was opened with; nil without TLS.
  let trustVersion: UInt64?

  private init(_ attempt: Attempt, trustVersion: UInt64?) {
    channel = attempt.channel
    gone = attempt.gone.futureResult
    self.trustVersion = trustVersion
  }

  static func == (left: ClientConnection, right: ClientConnection) -> Bool { left === right }
  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

  /// What came back.
  struct Answer: Sendable {
    var status: Int
    var body: ByteBuffer
    /// Whether the connection can carry another call.
    var keepsConnection: Bool
  }

  /// Failures that only this file knows.
  enum Failure: Error {
    /// The connection was closed before anything was sent: another one may carry the call.
    case notSent
    /// It ended before the answer was whole.
    case closed
    case timedOut
    case cancelled
    case answerTooLarge(limit: Int)
    /// The verifier refused the server's certificate.
    case peerRefused(PeerRefusal)
  }

  /// Sends a request and waits for its answer; closes the connection when the deadline comes first or the task is cancelled.
  func exchange(head: HTTPRequestHead, body: ByteBuffer, deadline: NIODeadline) async throws -> Answer {
    let promise = channel.eventLoop.makePromise(of: Answer.self)
    let channel = channel
    let written = channel.eventLoop.makePromise(of: Void.self)
    written.futureResult.whenFailure { error in
      // The exchange handler fails the promise itself when it had the request.
      promise.fail(error is ChannelError ? Failure.notSent : error)
    }
    channel.writeAndFlush(ExchangeHandler.Exchange(head: head, body: body, deadline: deadline, promise: promise), promise: written)
    return try await withTaskCancellationHandler {
      try await promise.futureResult.get()
    } onCancel: {
      promise.fail(Failure.cancelled)
      channel.triggerUserOutboundEvent(AbortConnection(), promise: nil)
    }
  }

  /// Runs the closure once when the connection can carry no call any more, from the event loop. With TLS that is long before it is closed
  /// where the other side is busy: it has a farewell to answer.
  func onGone(_ action: @escaping @Sendable () -> Void) {
    gone.whenComplete { _ in action() }
  }

  func close() {
    channel.close(promise: nil)
  }

  /// Closes without TLS's farewell.
  func abort() {
    channel.triggerUserOutboundEvent(AbortConnection(), promise: nil)
  }

  // MARK: Dialling

  /// How a connection is protected.
  struct Security: Sendable {
    let trust: TrustSource
    let contexts: TLSContextCache
    let verifier: PeerVerifier
    let role: PeerRole
    /// The name sent as SNI; nil when the expected name cannot be one.
    let sentName: String?
  }

  /// Opens a connection and, with TLS, completes the handshake.
  ///
  /// - Throws: `Failure.peerRefused` when the server is not who it should be, `.timedOut`, or what NIO reports.
  static func dial(
    _ endpoint: JSONRPCClientConfiguration.Endpoint, security: Security?, limits: JSONRPCClientLimits, within limit: TimeAmount
  ) async throws -> ClientConnection {
    let end = NIODeadline.now() + limit
    // Read first: should the credentials be replaced right now, the connection counts as one with the old ones.
    let trustVersion = security?.trust.version
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(limit)
    // A host with several addresses has several attempts at the same time: each has a pipeline and a promise of its own.
    let initializer: @Sendable (any NIOCore.Channel) -> EventLoopFuture<Attempt> = { channel in
      channel.eventLoop.makeCompletedFuture {
        let loop = channel.eventLoop
        let attempt = Attempt(channel: channel, ready: loop.makePromise(), gone: loop.makePromise(), refusal: HandshakeRefusal())
        do {
          try setUp(attempt, security, limits)
        } catch {
          attempt.ready.fail(error)
          attempt.gone.succeed()
          throw error
        }
        return attempt
      }
    }
    let attempt =
      switch endpoint {
      case .https(let host, let port, _), .http(let host, let port, _):
        try await bootstrap.connect(host: host, port: port, channelInitializer: initializer)
      case .unix(let path, _): try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: initializer)
      }
    let alarm = attempt.channel.eventLoop.scheduleTask(deadline: end) {
      attempt.ready.fail(Failure.timedOut)
      attempt.channel.triggerUserOutboundEvent(AbortConnection(), promise: nil)
    }
    attempt.ready.futureResult.whenComplete { _ in alarm.cancel() }
    do {
      try await attempt.ready.futureResult.get()
      return ClientConnection(attempt, trustVersion: trustVersion)
    } catch {
      attempt.channel.triggerUserOutboundEvent(AbortConnection(), promise: nil)
      if let refused = attempt.refusal.value { throw Failure.peerRefused(refused) }
      throw error
    }
  }

  /// A connection that comes about.
  private struct Attempt: Sendable {
    let channel: any NIOCore.Channel
    /// Completed by the end of the handshake or of the connection.
    let ready: EventLoopPromise<Void>
    /// Completed when it can carry no call any more.
    let gone: EventLoopPromise<Void>
    let refusal: HandshakeRefusal
  }

  private static func setUp(_ attempt: Attempt, _ security: Security?, _ limits: JSONRPCClientLimits) throws {
    let pipeline = attempt.channel.pipeline.syncOperations
    try pipeline.addHandler(SocketEnd())
    if let security {
      // The callback takes the place of NIOSSL's own check, which would take an IP SAN for the name and knows no pins. NIOSSL holds every
      // write until it has said yes, so no byte of a call reaches a server that is refused.
      let refusal = attempt.refusal
      let callback = security.verifier.callback(as: security.role) { refusal.record($0) }
      try pipeline.addHandler(
        NIOSSLClientHandler(
          context: try security.contexts.context(), serverHostname: security.sentName, customVerificationCallbackWithMetadata: callback))
    }
    // The head of every call is made of settings, which were checked, and of a length.
    try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes, enableOutboundHeaderValidation: false)
    try pipeline.addHandler(
      ExchangeHandler(
        answerLimit: limits.answer, idleTime: limits.idleTime.timeAmount, ready: attempt.ready, gone: attempt.gone,
        awaitsHandshake: security != nil))
  }
}

/// What the verification callback of one handshake had to say against the server; `refusal` is behind its mutex.
final class HandshakeRefusal: Sendable {
  private let refusal = Mutex<PeerRefusal?>(nil)

  var value: PeerRefusal? { refusal.withLock { $0 } }

  func record(_ refusal: PeerRefusal) {
    self.refusal.withLock { $0 = refusal }
  }
}
