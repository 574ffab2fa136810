public import JSONRPC
public import Logging
public import Operations
public import ServiceLifecycle
import Trust

/// The example service behind it all: a small HTTPS server that listens on loopback and answers everybody who reaches it.
///
/// What it answers is in ``Answers``. It is also what transfers are measured and tested with, so it takes bodies of any size as a stream
/// and makes answers of any size.
public final class InternalServer: Service, Sendable {
  private let server: HTTPServer

  public init(_ configuration: InternalServerConfiguration, logger: Logger, metrics: MetricsRegistry) {
    let access: HTTPServerConfiguration.Access =
      switch (configuration.address, configuration.trust) {
      case (.unix, nil): .unix(UnixAccess())
      case (.tcp, nil): .plain
      case (_, let trust?): .tls(trust, clients: .none, pins: nil)
      }
    server = HTTPServer(
      HTTPServerConfiguration(name: "internal-server", address: configuration.address, access: access, limits: Self.limits),
      logger: logger, metrics: metrics
    ) { request, body in
      await Answers.answer(request, body)
    }
  }

  /// Wide, because this is the far end of every transfer test.
  private static var limits: HTTPServerLimits {
    var limits = HTTPServerLimits()
    limits.connections = 8192
    limits.bodyTime = .seconds(3600)
    limits.stallTime = .seconds(60)
    // Within what a demo may take to stop.
    limits.stopTime = .seconds(2)
    return limits
  }

  /// Opens the listener.
  /// - Returns: the address with the real port.
  /// - Throws: `StartFailure` when the certificate cannot be used or the address cannot be bound.
  public func bind() async throws(StartFailure) -> ListenAddress { try await server.bind() }

  /// Serves until a graceful shutdown or cancellation.
  public func run() async throws { try await server.run() }

  /// The whole program: reads the variables, binds, says `ready`, serves until SIGTERM or SIGINT.
  ///
  /// - Throws: `StartFailure` with what to tell the user.
  public static func serve(environment: [String: String], logger: Logger) async throws {
    let metrics = MetricsRegistry()
    let trust = TrustStore(logger: logger, metrics: metrics)
    let configuration = try InternalServerConfiguration(environment: environment, store: trust)
    let server = InternalServer(configuration, logger: logger, metrics: metrics)
    let address = try await server.bind()
    logger.info("ready", metadata: ["address": "\(address)", "tls": "\(configuration.trust != nil)"])
    try await Operations.run([trust, server], logger: logger) { trust.reload() }
  }
}
