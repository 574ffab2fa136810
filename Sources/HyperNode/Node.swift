import Broker
import Directory
import HyperGRPC
import HyperModel
import JSONRPC
public import Logging
import Operations
import ServiceLifecycle
public import Settings
import Trust
import Wiring

/// A node of the Hyper network: directory, broker and channels, put together from settings.
public enum Node {
  /// Runs with the settings that HYPER_SETTINGS names, until SIGTERM or SIGINT.
  ///
  /// - Throws: `StartFailure` when it cannot start.
  public static func runFromEnvironment(logger: Logger) async throws {
    ControlThreads.unite()
    let settings = try SettingsSource.node()
    SettingsSource.report(settings.warnings, to: logger)
    let reread = SettingsReload(inForce: settings, logger: logger) { () throws(SettingsRejected) in try SettingsSource.node() }
    try await run(settings, logger: logger, onReload: reread.check)
  }

  /// Runs until SIGTERM or SIGINT. Prints one `ready` line when the directory is loaded and every listener is bound.
  ///
  /// - Parameter onReload: what SIGHUP asks for besides new certificates and a new directory.
  public static func run(_ settings: NodeSettings, logger: Logger, onReload: @escaping @Sendable () -> Void = {}) async throws {
    let metrics = MetricsRegistry()
    metrics.collect(ProcessFacts.samples)
    let directory = try openDirectory(settings, logger: logger, metrics: metrics)
    if directory.current[settings.name] == nil {
      logger.warning(
        "this node has no entry in the directory: it can neither call nor be called until it has one",
        metadata: ["name": "\(settings.name)", "directory": "\(settings.directory.path)"])
    }
    let trust = TrustStore(logger: logger, metrics: metrics)
    let (nodeName, peers) = (randomName(), PeerConnections())
    var parts = NodeParts(trust: trust, nodeName: nodeName, peers: peers)
    let broker = try Broker(
      ownName: settings.name, directory: directory, version: HyperVersion.text,
      limits: settings.maxCallsPerPeer.map { BrokerLimits(inFlightPerCaller: $0) } ?? BrokerLimits(),
      connections: ConnectionsMethod(nodeName: nodeName, peers: peers), logger: logger, metrics: metrics
    ) { (handler) throws(StartFailure) in
      for channel in settings.channels {
        try parts.add(channel, of: settings, handler: handler, directory: directory, logger: logger, metrics: metrics)
      }
      return parts.channels
    }
    try parts.addLocalServer(of: settings, broker: broker, directory: directory, logger: logger, metrics: metrics)
    if let metricsSettings = settings.metrics { parts.addMetrics(metricsSettings, logger: logger, metrics: metrics) }
    let listening = try await parts.bind()
    logger.info(
      "listening",
      metadata: listening.merging(["name": "\(settings.name)", "operators": "\(directory.current.entries.count)"]) { first, _ in first })
    if let limit = DescriptorLimit.current { logger.info("descriptors", metadata: ["limit": "\(limit)"]) }
    let isUp = Latch()
    isUp.open()
    // Stopped from the last to the first: whoever waits for news is answered, so that nothing else has to wait for them.
    let services: [any Service] = [trust, directory] + parts.services + [WaitingEnd(peers: peers), ReadyLine(logger: logger, after: isUp)]
    try await Operations.run(services, logger: logger) {
      trust.reload()
      reload(directory, logger: logger)
      onReload()
    }
  }

  /// 64 random bits: two nodes of one operator never have the same.
  private static func randomName() -> String { String(UInt64.random(in: .min ... .max), radix: 16) }

  private static func reload(_ directory: JSONDirectory, logger: Logger) {
    do {
      try directory.reload()
    } catch {
      logger.error("the directory cannot be reloaded, the last good state stays in force", metadata: ["reason": "\(error.message)"])
    }
  }

  private static func openDirectory(
    _ settings: NodeSettings, logger: Logger, metrics: MetricsRegistry
  ) throws(StartFailure) -> JSONDirectory {
    do {
      return try JSONDirectory(path: settings.directory.path, logger: logger, metrics: metrics)
    } catch {
      throw StartFailure(message: "directory: \(error)", hint: nil, status: ExitStatus.failure)
    }
  }
}

/// Answers those who wait for a change of the connections when the node stops.
private struct WaitingEnd: Service {
  let peers: PeerConnections

  func run() async throws {
    try? await gracefulShutdown()  // throws only when cancelled: then, too, nobody is to wait
    peers.endWaiting()
  }
}
