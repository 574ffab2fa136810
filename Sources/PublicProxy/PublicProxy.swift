import Announcements
import Datastore
import HyperModel
import JSONRPC
public import Logging
import Operations
import Relay
import ServiceLifecycle
public import Settings
import Wiring

/// The public proxy: announcements, the relay's public side, and the link to the own node, put together.
public enum PublicProxy {
  /// Runs with the settings that PROXY_SETTINGS names, until SIGTERM or SIGINT.
  ///
  /// - Throws: `StartFailure` when it cannot start.
  public static func runFromEnvironment(logger: Logger) async throws {
    let settings = try SettingsSource.proxy()
    SettingsSource.report(settings.warnings, to: logger)
    guard let own = settings.public else {
      throw StartFailure(
        message: "the settings have no 'public' section", hint: "use 'proxy run private' or name other settings in PROXY_SETTINGS",
        status: ExitStatus.badUsage)
    }
    try await run(own, metricsSettings: settings.metrics, logger: logger)
  }

  /// Runs until SIGTERM or SIGINT. Prints one `ready` line when the listeners are bound and the own node has answered.
  public static func run(_ settings: PublicProxySettings, metricsSettings: MetricsSettings?, logger: Logger) async throws {
    let metrics = MetricsRegistry()
    metrics.collect(ProcessFacts.samples)
    let book = try await AnnouncementBook.open(settings.datastore, logger: logger, metrics: metrics)
    let link = try LocalLinks.nodeLink(
      ownName: settings.name, client: settings.jsonrpcClient, server: settings.jsonrpcServer, logger: logger, metrics: metrics)
    let methods = PublicMethods(ownName: settings.name, book: book, listAllGroups: Set(settings.listAllGroups), logger: logger)
    let server = try LocalLinks.server(
      name: "jsonrpc_server", settings.jsonrpcServer, ownName: settings.name, pins: { link.pins }, logger: logger, metrics: metrics,
      handler: methods.handle)
    let endpoint = metricsSettings.map { MetricsEndpoint.make($0, logger: logger, metrics: metrics) }

    let engine = try EngineStart.start(settings.relay, tokenWait: settings.acceptTimeout, logger: logger, metrics: metrics)
    let (clients, tokens): (Int, Int)
    do {
      clients = try EngineStart.listen(engine, for: .clients, on: settings.tlsBindAddress)
      tokens = try EngineStart.listen(engine, for: .tokens, on: settings.internalBindAddress)
    } catch {
      await engine.stop()
      throw error
    }
    let local = try await server.bind()
    let scraped = try await endpoint?.bind()
    logger.info(
      "listening",
      metadata: [
        "clients": "\(clients)", "tokens": "\(tokens)", "jsonrpc": "\(local)", "metrics": "\(scraped?.description ?? "off")",
        "announcements": "\(book.list(of: nil).count)",
      ])

    let routing = ClientRouting(
      engine: engine, book: book, node: link, internalEndpoint: settings.internalEndpoint.description,
      acceptTimeout: settings.acceptTimeout,
      drainLimit: settings.relay.drainTimeout, streamLog: StreamLog(logger: logger), logger: logger, notices: NoticeCounters(metrics))
    let ready = ReadyLine(logger: logger, after: link.firstAnswer)
    // Stopped from the last to the first: no new announcements, then the streams are drained, then the link goes.
    var services: [any Service] = [link, book, routing, server, ready]
    if let endpoint { services.insert(endpoint, at: 0) }
    try await Operations.run(services, logger: logger, stopLimit: settings.relay.drainTimeout + EngineStart.stopMargin)
  }
}
