import Addresses
public import Logging
import NIOCore
import NIOPosix
import NIOSSL
public import Operations
public import ServiceLifecycle
import Synchronization
import Trust

import func Glibc.geteuid

/// An HTTP/1.1 server over TLS, plain TCP or a Unix socket.
///
/// It is made of SwiftNIO's codecs and nothing above them, because three guarantees need the whole connection in one hand: a client that
/// has ended its sending side still gets all of its answer, every step of a client has a deadline, and a refused client learns why.
///
/// `localhost` is bound on 127.0.0.1 and, where the machine has IPv6, on ::1 with the same port.
///
/// Use: `bind()`, then `run()` as a service. A graceful shutdown closes the listeners at once, lets requests in flight finish and cuts
/// what is left after `stopTime`; cancellation cuts at once. `state` is the only mutable state, behind its mutex.
public final class HTTPServer: Service, Sendable {
  /// Answers one request. Called one at a time per connection and concurrently over connections; never for a client that was refused.
  public typealias Handler = @Sendable (HTTPRequest, HTTPBody) async -> HTTPResponse

  private enum State {
    case new
    case bound(Bound)
    case running
    case ended
  }

  private struct Bound {
    let core: HTTPServerCore
    let listeners: Listeners
    let arrivals: AsyncStream<HTTPConnection>
    let arrived: AsyncStream<HTTPConnection>.Continuation
  }

  private let configuration: HTTPServerConfiguration
  private let handler: Handler
  private let refuse: @Sendable (HTTPRefusal) -> HTTPResponse
  private let report: ServerReport
  private let state = Mutex(State.new)

  /// - Parameter refuse: the answer for a client that is not let in; the connection ends behind it. Without it, a line of text.
  public init(
    _ configuration: HTTPServerConfiguration, logger: Logger, metrics: MetricsRegistry,
    refuse: (@Sendable (HTTPRefusal) -> HTTPResponse)? = nil, handler: @escaping Handler
  ) {
    self.configuration = configuration
    self.handler = handler
    self.refuse = refuse ?? { .text(403, "\($0.text)\n") }
    report = ServerReport(name: configuration.name, logger: logger, metrics: metrics)
  }

  /// Opens the listeners. Clients can connect from here on and are answered once `run()` runs.
  ///
  /// - Returns: the address with the real port.
  /// - Throws: `StartFailure` when the certificate cannot be used or the address cannot be bound; nothing stays open then.
  public func bind() async throws(StartFailure) -> ListenAddress {
    let (arrivals, arrived) = AsyncStream.makeStream(of: HTTPConnection.self)
    let core = try makeCore()
    let report = report
    // One table for all addresses of the listener, so that `localhost` is one.
    let rates = configuration.rates.isEmpty ? nil : ConnectionRates(configuration.rates)
    let listeners = try await Listeners.open(
      configuration.address, access: configuration.access, name: configuration.name, paused: { report.acceptPaused($0) }
    ) { channel in
      if let rates, let source = channel.remoteAddress?.ipAddress.flatMap(Source.init(_:)),
        case .refuse(let rate) = rates.admit(source)
      {
        report.rateReached(rate, source: source)
        return false
      }
      switch core.connections.admit(channel) {
      case .admitted:
        let connection = try HTTPConnection(accepting: channel, server: core)
        guard case .enqueued = arrived.yield(connection) else { return false }
        report.connectionOpened(channel)
        return true
      case .full:
        report.connectionLimitReached(core.limits.connections)
        return false
      case .draining: return false
      }
    }
    let bound = Bound(core: core, listeners: listeners, arrivals: arrivals, arrived: arrived)
    let isFirst = state.withLock { state in
      guard case .new = state else { return false }
      state = .bound(bound)
      return true
    }
    guard isFirst else {
      await listeners.close()
      throw StartFailure(message: "server \(configuration.name) was bound twice", hint: nil, status: ExitStatus.failure)
    }
    return listeners.address
  }

  /// Serves until a graceful shutdown or cancellation. Binds first if that was not done.
  ///
  /// - Throws: `StartFailure` as `bind()`, and when it has run before.
  public func run() async throws {
    if case .new = state.withLock({ $0 }) { _ = try await bind() }
    let bound = state.withLock { state -> Bound? in
      guard case .bound(let bound) = state else { return nil }
      state = .running
      return bound
    }
    guard let bound else {
      throw StartFailure(message: "server \(configuration.name) was run twice", hint: nil, status: ExitStatus.failure)
    }
    await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await serve(bound)
      } onGracefulShutdown: {
        Self.stopAccepting(bound)
      }
    } onCancel: {
      Self.stopAccepting(bound)
      _ = bound.core.connections.abortAll()
    }
    _ = bound.core.connections.abortAll()
    await bound.listeners.close()
    state.withLock { $0 = .ended }
  }

  /// Gives the addresses back when `run()` will not be called after all. Does nothing otherwise.
  public func close() async {
    let bound = state.withLock { state -> Bound? in
      guard case .bound(let bound) = state else { return nil }
      state = .ended
      return bound
    }
    guard let bound else { return }
    Self.stopAccepting(bound)
    _ = bound.core.connections.abortAll()
    await bound.listeners.close()
  }

  private static func stopAccepting(_ bound: Bound) {
    bound.listeners.stop()
    bound.arrived.finish()
    bound.core.connections.drain()
  }

  private func serve(_ bound: Bound) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await withDiscardingTaskGroup { connections in
          for await connection in bound.arrivals {
            connections.addTask { await connection.run() }
          }
        }
      }
      group.addTask { [limit = configuration.limits.stopTime, report] in
        // Both throw only when this task is cancelled, and then there is nothing left to wait for.
        guard (try? await gracefulShutdown()) != nil, (try? await Task.sleep(for: limit)) != nil else { return }
        report.stopLimitReached(cut: bound.core.connections.abortAll())
      }
      await group.next()
      group.cancelAll()
    }
  }

  private func makeCore() throws(StartFailure) -> HTTPServerCore {
    var tls: TLSContextCache?
    var check: ClientCheck?
    var unixAccess: UnixAccess?
    switch configuration.access {
    case .plain: break
    case .unix(let access): unixAccess = access
    case .tls(let trust, let clients, let pins):
      let contexts = TLSContextCache(trust: trust) { credentials in
        var settings = try credentials.serverConfiguration(verifyClient: clients, alpn: ["http/1.1"])
        // A client without a certificate is let as far as the answer that tells it so.
        if clients != .none { settings.certificateVerification = .optionalVerification }
        return settings
      }
      do {
        _ = try contexts.context()
      } catch {
        let hint = (error as? TrustError)?.hint
        throw StartFailure(
          message: "cannot use the certificate of \(configuration.name): \(error)", hint: hint, status: ExitStatus.failure)
      }
      if clients != .none { check = ClientCheck(verifier: PeerVerifier(source: trust, pins: pins), isRequired: clients == .required) }
      tls = contexts
    }
    return HTTPServerCore(
      handler: handler, refuse: refuse, limits: configuration.limits, tls: tls, clientCheck: check, unixAccess: unixAccess,
      cors: configuration.cors, ownUID: geteuid(), connections: ConnectionRegistry(limit: configuration.limits.connections), report: report)
  }
}
