public import Logging
public import Operations
public import ServiceLifecycle

/// A server that answers GET from a closure: metrics and health, on a TCP port or a Unix socket, without TLS.
///
/// Over TCP anybody who reaches the port is answered, so bind it to loopback or serve nothing worth hiding; a Unix socket is for
/// processes of our own user and the allowed ones.
public final class PlainHTTPServer: Service, Sendable {
  /// Makes the answer for a path; nil is 404.
  public typealias Handler = @Sendable (_ path: String) async -> HTTPResponse?

  private let server: HTTPServer

  public init(
    name: String, address: ListenAddress, unixAccess: UnixAccess = UnixAccess(), logger: Logger, metrics: MetricsRegistry,
    handler: @escaping Handler
  ) {
    let access: HTTPServerConfiguration.Access =
      switch address {
      case .tcp: .plain
      case .unix: .unix(unixAccess)
      }
    var limits = HTTPServerLimits()
    // A handful of scrapers, none of which sends a body.
    limits.connections = 32
    limits.body = 0
    server = HTTPServer(
      HTTPServerConfiguration(name: name, address: address, access: access, limits: limits), logger: logger, metrics: metrics
    ) { request, _ in
      guard request.method == "GET" || request.method == "HEAD" else { return .text(405, "only GET here\n") }
      return await handler(request.path) ?? .text(404, "not found\n")
    }
  }

  /// Opens the listener; see `HTTPServer.bind()`.
  public func bind() async throws(StartFailure) -> ListenAddress { try await server.bind() }

  public func run() async throws { try await server.run() }

  /// Gives the address back when `run()` will not be called after all.
  public func close() async { await server.close() }
}
