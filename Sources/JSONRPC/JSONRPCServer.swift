public import HyperModel
public import Logging
public import Operations
public import ServiceLifecycle
import Synchronization

/// A JSON-RPC 2.0 server over HTTPS, or over a Unix socket (PROTOCOL.md 6.1).
///
/// Who a caller is gets decided once per connection; `admit` is asked for every request, so that a change of the directory counts for
/// open connections too. A refused caller gets HTTP status 403 with an error object that says which check failed, and the connection
/// ends. The refusal is logged with the caller's address.
///
/// One HTTP request is answered at a time per connection, in order; the requests of a batch side by side. A request without an id is
/// answered under one of ours, unless the configuration asks for notifications as JSON-RPC 2.0 has them.
public final class JSONRPCServer: Service, Sendable {
  /// Answers a request. It has to end by itself, before the request's deadline; nothing here bounds it.
  public typealias Handler = @Sendable (RPCRequest) async -> CallResponse.Outcome
  /// Nil lets the caller in; a fault is the answer otherwise.
  public typealias Admission = @Sendable (Caller) async -> CallFault?

  private let configuration: JSONRPCServerConfiguration
  private let server: Mutex<HTTPServer?>
  private let makeServer: @Sendable (HTTPServerConfiguration.Access) -> HTTPServer

  public init(
    _ configuration: JSONRPCServerConfiguration, admit: @escaping Admission, logger: Logger, metrics: MetricsRegistry,
    handler: @escaping Handler
  ) {
    self.configuration = configuration
    server = Mutex(nil)
    let responder = JSONRPCResponder(
      path: configuration.path, bodyLimit: configuration.limits.body, limits: configuration.calls,
      strictNotifications: configuration.strictNotifications, admit: admit, handler: handler,
      gate: RequestGate(limit: configuration.calls.requests),
      report: RPCReport(name: configuration.name, logger: logger, metrics: metrics))
    makeServer = { access in
      HTTPServer(
        HTTPServerConfiguration(
          name: configuration.name, address: configuration.address, access: access, limits: configuration.limits, cors: configuration.cors,
          rates: configuration.rates),
        logger: logger, metrics: metrics,
        refuse: { JSONRPCResponder.refusal($0) },
        handler: { await responder.respond(to: $0, $1) })
    }
  }

  /// Opens the listener.
  ///
  /// - Returns: the address with the real port.
  /// - Throws: `StartFailure` for plain HTTP over TCP without `insecure`, for an unusable certificate, and for an address that cannot be
  ///   bound.
  public func bind() async throws(StartFailure) -> ListenAddress {
    let server = makeServer(try access())
    let address = try await server.bind()
    let isFirst = self.server.withLock { known in
      guard known == nil else { return false }
      known = server
      return true
    }
    guard isFirst else {
      await server.close()
      throw StartFailure(message: "server \(configuration.name) was bound twice", hint: nil, status: ExitStatus.failure)
    }
    return address
  }

  /// Serves until a graceful shutdown or cancellation. Binds first if that was not done.
  public func run() async throws {
    if server.withLock({ $0 }) == nil { _ = try await bind() }
    try await server.withLock { $0 }?.run()
  }

  /// Gives the address back when `run()` will not be called after all.
  public func close() async {
    await server.withLock { $0 }?.close()
  }

  private func access() throws(StartFailure) -> HTTPServerConfiguration.Access {
    switch (configuration.address, configuration.trust) {
    case (.unix, _): return .unix(configuration.unixAccess)
    case (.tcp, let trust?): return .tls(trust, clients: configuration.clientVerification, pins: configuration.pins)
    case (.tcp, nil):
      guard configuration.insecure else {
        throw StartFailure(
          message: "\(configuration.name) would serve plain HTTP on \(configuration.address)",
          hint: "give it a tls map, a unix: address, or insecure: true", status: ExitStatus.badUsage)
      }
      return .plain
    }
  }
}
