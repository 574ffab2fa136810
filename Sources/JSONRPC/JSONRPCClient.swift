public import HyperModel
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
public import Operations
import Synchronization
import Trust

/// Calls the methods of one JSON-RPC server over HTTPS or a Unix socket (PROTOCOL.md 6.2).
///
/// Connections are kept and used again, so that a call costs no handshake; each carries one call at a time and there is a limit to them.
/// The server's certificate is verified before the first byte of a call is sent: chain, name (as a DNS SAN, never an IP SAN) and pin, in
/// NIOSSL's verification callback. That is why this is made of SwiftNIO and not of AsyncHTTPClient, which takes no such callback and
/// would accept an IP SAN that equals the address for any name. Redirects are not followed.
///
/// A call is sent at most once: it is repeated on another connection only when the one it was meant for had been closed before.
///
/// `state` is the only mutable state, behind its mutex; promises are completed outside of it.
public final class JSONRPCClient: Sendable {
  private struct State {
    var pool: ConnectionPool<ClientConnection>
    var waiting: [ConnectionPool<ClientConnection>.Ticket: EventLoopPromise<Grant>] = [:]
    var isShutDown = false

    /// More connections than are kept behind a burst.
    var hasSpares: Bool { pool.openCount > JSONRPCClient.keptOpen }
  }

  /// What a call gets after it waited.
  private enum Grant: Sendable {
    case use(ClientConnection)
    /// A spare one is not kept for `idleTime` behind a burst.
    case dial(isSpare: Bool)
  }

  private let configuration: JSONRPCClientConfiguration
  private let security: ClientConnection.Security?
  private let headers: HTTPHeaders
  private let report: ClientReport
  private let state: Mutex<State>

  /// Makes the client; nothing is dialled before the first call.
  ///
  /// - Throws: `StartFailure` for an https endpoint without credentials, or with a host that is no name and no server name beside it.
  public init(_ configuration: JSONRPCClientConfiguration, logger: Logger, metrics: MetricsRegistry) throws(StartFailure) {
    self.configuration = configuration
    security = try Self.security(for: configuration)
    headers = Self.headers(for: configuration)
    report = ClientReport(endpoint: configuration.endpoint.description, logger: logger, metrics: metrics)
    let limits = configuration.limits
    state = Mutex(State(pool: ConnectionPool(connectionLimit: limits.connections, dialLimit: limits.dials, waitingLimit: limits.waiting)))
  }

  /// Calls a method and returns its result or error object.
  ///
  /// - Parameters:
  ///   - client: sent as the parameter `_client`.
  ///   - id: sent as it is; 32 fresh hex digits without one.
  ///   - timeout: for everything, waiting and dialling included; the configured call time without one.
  /// - Throws: `JSONRPCClientError` when there is no answer; its kind says whether the call may have been carried out.
  public func call(
    _ method: String, params: [String: JSONValue], client: EncodedClient? = nil, id: String? = nil, timeout: Duration? = nil
  ) async throws(JSONRPCClientError) -> CallResponse.Outcome {
    let body = RPCCall(method: method, params: params, client: client, id: .string(id ?? JSONRPCResponder.freshID())).body
    let deadline = NIODeadline.now() + (timeout ?? configuration.limits.callTime).timeAmount
    do throws(JSONRPCClientError) {
      let outcome = try await exchange(method, body, deadline)
      report.answered(outcome)
      return outcome
    } catch {
      report.failed(method, error)
      throw error
    }
  }

  /// Closes every connection and fails the calls in flight and all later ones. May be called more than once.
  public func shutdown() async {
    let (waiting, connections) = state.withLock { state in
      state.isShutDown = true
      defer { state.waiting = [:] }
      return (Array(state.waiting.values), state.pool.connections)
    }
    for promise in waiting { promise.fail(ClientConnection.Failure.cancelled) }
    for connection in connections { connection.abort() }
  }

  /// Connections that are open, being dialled included.
  var openConnectionCount: Int { state.withLock { $0.pool.openCount } }

  // MARK: One call

  /// How many connections that turn out to be closed a call goes through; each one is gone then, and a new one is dialled at last.
  private static let attempts = 4

  private func exchange(
    _ method: String, _ body: [UInt8], _ deadline: NIODeadline
  ) async throws(JSONRPCClientError) -> CallResponse.Outcome {
    var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: configuration.endpoint.httpPath, headers: headers)
    head.headers.add(name: "content-length", value: String(body.count))
    for attempt in 1...Self.attempts {
      let connection = try await acquire(method, deadline)
      do {
        let answer = try await connection.exchange(head: head, body: ByteBuffer(bytes: body), deadline: deadline)
        if answer.keepsConnection, isCurrent(connection) {
          carryOut(state.withLock { $0.pool.returned(connection) })
        } else {
          drop(connection)
        }
        return try outcome(of: answer, method)
      } catch let error as JSONRPCClientError {
        throw error
      } catch ClientConnection.Failure.notSent where attempt < Self.attempts {
        drop(connection)
      } catch {
        connection.abort()
        drop(connection)
        throw ClientFailures.exchange(error, method, configuration.endpoint)
      }
    }
    throw ClientFailures.exchange(ClientConnection.Failure.notSent, method, configuration.endpoint)
  }

  private func outcome(of answer: ClientConnection.Answer, _ method: String) throws(JSONRPCClientError) -> CallResponse.Outcome {
    let what = "calling \(method) at \(configuration.endpoint)"
    let value: JSONValue
    do {
      value = try JSONValue(parsing: answer.body.readableBytesView)
    } catch {
      throw JSONRPCClientError(.badAnswer, "\(what): HTTP status \(answer.status) with a body that is not JSON: \(error)")
    }
    guard let outcome = RPCAnswer.outcome(of: value) else {
      throw JSONRPCClientError(
        .badAnswer, "\(what): HTTP status \(answer.status) with JSON that is no JSON-RPC answer",
        hint: answer.status == 404 ? "compare the endpoint's path with the server's" : nil)
    }
    // The status by which servers of this project say that they do not let us in at all; a refused method comes with 400.
    if answer.status == 403, case .fault(let fault) = outcome {
      throw JSONRPCClientError(.refusedIdentity, "\(what): the server does not let us in: \(fault.message)")
    }
    return outcome
  }

  // MARK: Connections

  /// How many connections are kept for `idleTime` behind a burst.
  private static let keptOpen = 2

  private func acquire(_ method: String, _ deadline: NIODeadline) async throws(JSONRPCClientError) -> ClientConnection {
    while true {
      let connection: ClientConnection
      switch try await take(method, deadline) {
      case .use(let kept): connection = kept
      case .dial(let isSpare): return try await dial(method, deadline, isSpare: isSpare)
      }
      if isCurrent(connection) { return connection }
      // Each round takes one kept connection away, so there is an end to them.
      drop(connection)
    }
  }

  /// A connection that was opened with an earlier certificate of ours is not used again: the directory may forget its pin any time.
  private func isCurrent(_ connection: ClientConnection) -> Bool {
    connection.trustVersion == security?.trust.version
  }

  /// A kept connection or the right to open one, at once or when it is this call's turn.
  private func take(_ method: String, _ deadline: NIODeadline) async throws(JSONRPCClientError) -> Grant {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    let (taking, isSpare, promise) = state.withLock { state -> (ConnectionPool<ClientConnection>.Taking?, Bool, EventLoopPromise<Grant>?) in
      if state.isShutDown { return (nil, false, nil) }
      let taking = state.pool.take()
      guard case .wait(let ticket) = taking else { return (taking, state.hasSpares, nil) }
      let promise = loop.makePromise(of: Grant.self)
      state.waiting[ticket] = promise
      return (taking, false, promise)
    }
    switch taking {
    case nil: throw ClientFailures.exchange(ClientConnection.Failure.cancelled, method, configuration.endpoint)
    case .use(let connection): return .use(connection)
    case .dial: return .dial(isSpare: isSpare)
    case .refuse:
      throw JSONRPCClientError(
        .busy, "calling \(method) at \(configuration.endpoint): \(configuration.limits.waiting) calls wait for a connection already")
    case .wait(let ticket):
      guard let promise else { throw ClientFailures.exchange(ClientConnection.Failure.cancelled, method, configuration.endpoint) }
      return try await wait(promise, ticket, method, deadline)
    }
  }

  /// Waits for a connection, its place, or the deadline.
  private func wait(
    _ promise: EventLoopPromise<Grant>, _ ticket: UInt64, _ method: String, _ deadline: NIODeadline
  ) async throws(JSONRPCClientError) -> Grant {
    let alarm = promise.futureResult.eventLoop.scheduleTask(deadline: deadline) {
      self.giveUp(ticket, ClientConnection.Failure.timedOut)
    }
    defer { alarm.cancel() }
    do {
      return try await withTaskCancellationHandler {
        try await promise.futureResult.get()
      } onCancel: {
        self.giveUp(ticket, ClientConnection.Failure.cancelled)
      }
    } catch {
      throw ClientFailures.exchange(error, method, configuration.endpoint)
    }
  }

  private func giveUp(_ ticket: UInt64, _ failure: ClientConnection.Failure) {
    let promise = state.withLock { state in
      state.pool.gaveUp(ticket) ? state.waiting.removeValue(forKey: ticket) : nil
    }
    promise?.fail(failure)
  }

  private func dial(
    _ method: String, _ deadline: NIODeadline, isSpare: Bool
  ) async throws(JSONRPCClientError) -> ClientConnection {
    let connection: ClientConnection
    var limits = configuration.limits
    if isSpare { limits.idleTime = min(limits.idleTime, limits.spareIdleTime) }
    do {
      let limit = min(configuration.limits.dialTime.timeAmount, deadline - .now())
      guard limit > .zero else { throw ClientConnection.Failure.timedOut }
      connection = try await ClientConnection.dial(
        configuration.endpoint, security: security, limits: limits, within: limit)
    } catch {
      carryOut(state.withLock { $0.pool.dialFailed() })
      throw ClientFailures.dial(error, method, configuration.endpoint)
    }
    let (isShutDown, handover) = state.withLock { state in
      let handover = state.pool.opened(connection)
      return (state.isShutDown, handover)
    }
    carryOut(handover)
    // Registered after `opened`, so that an end is never reported for a connection the pool does not know.
    connection.onGone { [weak self] in self?.drop(connection) }
    if isShutDown { connection.abort() }
    report.connected()
    return connection
  }

  private func drop(_ connection: ClientConnection) {
    connection.close()
    carryOut(state.withLock { $0.pool.closed(connection) })
  }

  /// Gives a freed connection or place to the call that waits longest.
  private func carryOut(_ handover: ConnectionPool<ClientConnection>.Handover) {
    switch handover {
    case .nothing: break
    case .use(let connection, let ticket): grant(ticket, .use(connection))
    case .dial(let ticket): grant(ticket, .dial(isSpare: state.withLock { $0.hasSpares }))
    }
  }

  private func grant(_ ticket: UInt64, _ grant: Grant) {
    if let promise = state.withLock({ $0.waiting.removeValue(forKey: ticket) }) {
      promise.succeed(grant)
      return
    }
    // Shut down meanwhile: nobody waits for it any more.
    switch grant {
    case .use(let connection): connection.abort()
    case .dial: carryOut(state.withLock { $0.pool.dialFailed() })
    }
  }

  // MARK: Configuration

  private static func security(for configuration: JSONRPCClientConfiguration) throws(StartFailure) -> ClientConnection.Security? {
    guard case .https(let host, _, _) = configuration.endpoint else { return nil }
    guard let trust = configuration.trust else {
      throw StartFailure(
        message: "\(configuration.endpoint) needs to know which authorities to trust", hint: "give it a tls map",
        status: ExitStatus.badUsage)
    }
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    guard let name = configuration.serverName ?? (isAddress ? nil : OperatorName(host)) else {
      throw StartFailure(
        message: "\(configuration.endpoint) does not say whose certificate to expect", hint: "set server_name to the operator's name",
        status: ExitStatus.badUsage)
    }
    let contexts = TLSContextCache(trust: trust) { credentials in
      var settings = credentials.clientConfiguration(alpn: ["http/1.1"])
      // The name is the verifier's business: NIOSSL would compare it with what is sent as SNI, and that may be nothing.
      settings.certificateVerification = .noHostnameVerification
      return settings
    }
    do {
      _ = try contexts.context()
    } catch {
      throw StartFailure(
        message: "cannot use the certificate for \(configuration.endpoint): \(error)", hint: nil, status: ExitStatus.failure)
    }
    return ClientConnection.Security(
      trust: trust, contexts: contexts, verifier: PeerVerifier(source: trust, pins: configuration.pins), role: .server(expectedName: name),
      sentName: canBeSent(name.text) ? name.text : nil)
  }

  /// Operator names are free text; SNI holds ASCII host names of up to 255 bytes that are no addresses (RFC 6066, 3).
  private static func canBeSent(_ name: String) -> Bool {
    let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
    return !isAddress && (1...255).contains(name.utf8.count) && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
  }

  private static func headers(for configuration: JSONRPCClientConfiguration) -> HTTPHeaders {
    let host =
      switch configuration.endpoint {
      case .https(let host, let port, _), .http(let host, let port, _): ListenAddress.tcp(host: host, port: port).description
      case .unix: "localhost"
      }
    return [
      "host": host, "content-type": "application/json", "accept": "application/json", "user-agent": "hyper",
    ]
  }
}

extension JSONRPCClientConfiguration.Endpoint {
  fileprivate var httpPath: String {
    switch self {
    case .https(_, _, let path), .http(_, _, let path), .unix(_, let path): path
    }
  }
}
