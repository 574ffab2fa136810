import HyperModel
import JSONRPC
public import Logging
import Operations
import Relay
import ServiceLifecycle
public import Settings
import Trust
import Wiring

/// The private proxy: announcements, the relay's private side, and the link to the own node, put together. It listens on no TCP port.
public enum PrivateProxy {
  /// Runs with the settings that PROXY_SETTINGS names, until SIGTERM or SIGINT.
  ///
  /// - Throws: `StartFailure` when it cannot start.
  public static func runFromEnvironment(logger: Logger) async throws {
    ControlThreads.unite()
    let settings = try SettingsSource.proxy()
    SettingsSource.report(settings.warnings, to: logger)
    guard let own = settings.private else {
      throw StartFailure(
        message: "the settings have no 'private' section", hint: "use 'proxy run public' or name other settings in PROXY_SETTINGS",
        status: ExitStatus.badUsage)
    }
    let reread = SettingsReload(inForce: settings, logger: logger) { () throws(SettingsRejected) in try SettingsSource.proxy() }
    try await run(own, metricsSettings: settings.metrics, logger: logger, onReload: reread.check)
  }

  /// Runs until SIGTERM or SIGINT. Prints one `ready` line when every static announcement has been accepted by its public proxy.
  ///
  /// - Parameter onReload: what SIGHUP asks for besides new certificates.
  public static func run(
    _ settings: PrivateProxySettings, metricsSettings: MetricsSettings?, logger: Logger, onReload: @escaping @Sendable () -> Void = {}
  ) async throws {
    let metrics = MetricsRegistry()
    metrics.collect(ProcessFacts.samples)
    let servers = try InternalServers(settings)
    let trust = TrustStore(logger: logger, metrics: metrics)
    let book = try await OutgoingBook.open(settings, logger: logger)
    let link = try LocalLinks.nodeLink(
      ownName: settings.name, client: settings.jsonrpcClient, server: settings.jsonrpcServer, trust: trust, logger: logger,
      metrics: metrics)
    let health = HealthWatch(
      settings.health, of: servers.addresses, dialFrom: settings.relay.dialFrom, logger: logger, metrics: metrics)
    let announcer = Announcer(
      book: book, node: link, isOffline: { servers.isOffline($0, down: health.down) }, logger: logger, metrics: metrics)
    health.onChange { announcer.announceSoon() }
    let engine = try EngineStart.start(settings.relay, tokenWait: nil, logger: logger, metrics: metrics)
    let joins = JoinOutcomes()
    let methods = PrivateMethods(
      ownName: settings.name, book: book, announcer: announcer, engine: engine, joins: joins,
      servers: servers, health: health, logger: logger, counters: PrivateCounters(metrics))
    let server = try LocalLinks.server(
      name: "jsonrpc_server", settings.jsonrpcServer, ownName: settings.name, pins: { link.pins }, trust: trust, logger: logger,
      metrics: metrics, handler: methods.handle)
    let endpoint = metricsSettings.map { MetricsEndpoint.make($0, logger: logger, metrics: metrics) }
    let local = try await server.bind()
    let scraped = try await endpoint?.bind()
    logger.info(
      "listening",
      metadata: [
        "jsonrpc": "\(local)", "metrics": "\(scraped?.description ?? "off")", "announcements": "\(book.list().count)",
        "internal_endpoints": "\(settings.internalEndpoints.count)", "instance": "\(book.instance)",
      ])

    let streams = LegStreams(
      engine: engine, joins: joins, servers: servers, drainLimit: settings.relay.drainTimeout,
      streamLog: StreamLog(logger: logger, addresses: ClientAddresses(settings.privacy)),
      logger: logger)
    // Stopped from the last to the first: the public proxies are told, no new notices, then the streams are drained, then the link goes.
    var services: [any Service] = [
      trust, link, streams, server, health, announcer, ReadyLine(logger: logger, after: announcer.settled),
    ]
    if let endpoint { services.insert(endpoint, at: 0) }
    try await Operations.run(services, logger: logger, stopLimit: settings.relay.drainTimeout + EngineStart.stopMargin) {
      trust.reload()
      onReload()
    }
  }
}
