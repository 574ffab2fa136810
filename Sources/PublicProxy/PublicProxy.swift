import Announcements
import Datastore
import HyperModel
import JSONRPC
import Limits
public import Logging
import Operations
import Relay
import ServiceLifecycle
public import Settings
import Trust
import Wiring

import struct Foundation.Date

/// The public proxy: routes, announcements, the relay's public side, and the link to the own node, put together.
public enum PublicProxy {
  /// Runs with the settings that PROXY_SETTINGS names, until SIGTERM or SIGINT.
  ///
  /// - Throws: `StartFailure` when it cannot start.
  public static func runFromEnvironment(logger: Logger) async throws {
    ControlThreads.unite()
    let settings = try SettingsSource.proxy()
    SettingsSource.report(settings.warnings, to: logger)
    guard let own = settings.public else {
      throw StartFailure(
        message: "the settings have no 'public' section", hint: "use 'proxy run private' or name other settings in PROXY_SETTINGS",
        status: ExitStatus.badUsage)
    }
    let reread = SettingsReload(inForce: settings, logger: logger) { () throws(SettingsRejected) in try SettingsSource.proxy() }
    try await run(own, metricsSettings: settings.metrics, logger: logger, onReload: reread.check)
  }

  /// Runs until SIGTERM or SIGINT. Prints one `ready` line when the listeners are bound and, where there is one, the own node has answered.
  ///
  /// The routes of the settings work from the first moment on, whether the node is there or not.
  /// - Parameter onReload: what SIGHUP asks for besides new certificates.
  public static func run(
    _ settings: PublicProxySettings, metricsSettings: MetricsSettings?, logger: Logger, onReload: @escaping @Sendable () -> Void = {}
  ) async throws {
    let metrics = MetricsRegistry()
    metrics.collect(ProcessFacts.samples)
    let trust = TrustStore(logger: logger, metrics: metrics)
    let routes = try StaticRoutes(settings.routes, fallback: settings.fallback, key: "public.routes")
    let network: NetworkSide? =
      if let network = settings.network {
        try await NetworkSide.open(network, routes: routes, trust: trust, logger: logger, metrics: metrics)
      } else { nil }
    let endpoint = metricsSettings.map { MetricsEndpoint.make($0, logger: logger, metrics: metrics) }

    let counters = RoutingCounters(metrics)
    let engine = try EngineStart.start(
      settings.relay, tokenWait: settings.network?.acceptTimeout, rates: (settings.tcpRateLimits, settings.nameRateLimits),
      decide: counters.decision(by: routes, mayHave: filter(of: network, or: routes)), logger: logger, metrics: metrics)
    let (clients, tokens): (Int, Int?)
    do {
      clients = try EngineStart.listen(engine, for: .clients, on: settings.tlsBindAddress)
      tokens =
        if let network = settings.network {
          try EngineStart.listen(engine, for: .tokens, on: network.internalBindAddress)
        } else { nil }
    } catch {
      await engine.stop()
      throw error
    }
    let local = try await network?.server.bind()
    let scraped = try await endpoint?.bind()
    logger.info(
      "listening",
      metadata: [
        "clients": "\(clients)", "tokens": "\(tokens.map(String.init) ?? "off")", "jsonrpc": "\(local?.description ?? "off")",
        "metrics": "\(scraped?.description ?? "off")", "routes": "\(settings.routes.count)",
        "announcements": "\(network?.book.list(of: nil).count ?? 0)",
      ])

    let streamLog = StreamLog(logger: logger, addresses: ClientAddresses(settings.privacy))
    let routing = ClientRouting(
      engine: engine, lookup: lookup(in: network, or: routes),
      handover: network?.handover(of: engine, streamLog: streamLog, logger: logger, metrics: metrics),
      drainLimit: settings.relay.drainTimeout, streamLog: streamLog, logger: logger, counters: counters)
    // Stopped from the last to the first: no new announcements, then the streams are drained, then the link goes.
    var services: [any Service] = [trust]
    if let endpoint { services.append(endpoint) }
    if let network { services += [network.link, network.book, network.follower] }
    services.append(routing)
    if let network { services.append(network.server) }
    services.append(ReadyLine(logger: logger, after: network?.link.firstAnswer ?? .opened))
    try await Operations.run(services, logger: logger, stopLimit: settings.relay.drainTimeout + EngineStart.stopMargin) {
      trust.reload()
      onReload()
    }
  }

  /// False for names that nobody has and that go nowhere.
  private static func filter(of network: NetworkSide?, or routes: StaticRoutes) -> @Sendable (String) -> Bool {
    if let book = network?.book { return { book.mayHave($0) } }
    guard routes.fallback == nil else { return { _ in true } }
    let known = NameFilter(RouteTable(routes: routes).domains, key: .random(in: .min ... .max))
    return { known.mayContain($0) }
  }

  private static func lookup(in network: NetworkSide?, or routes: StaticRoutes) -> @Sendable (String, [[UInt8]]) -> RouteOutcome {
    if let book = network?.book { return { name, alpn in book.lookup(name, alpn: alpn) } }
    let table = RouteTable(routes: routes)
    return { name, alpn in table.lookup(name, alpn: alpn, now: Date()) }
  }
}
