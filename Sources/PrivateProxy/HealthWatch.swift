import Announcements
import Logging
import Operations
import Relay
import ServiceLifecycle
import Settings
import Synchronization

/// Looks at the internal servers again and again, by a TCP connect each time, and says when one goes or comes back.
///
/// `states` is protected by its mutex.
final class HealthWatch: Service, Sendable {
  /// A server that is down is looked at more often, so that it is back soon.
  static let downInterval: Duration = .milliseconds(500)

  private let settings: HealthSettings?
  private let addresses: [String: DialTarget]
  private let probe: ServerProbe
  private let logger: Logger
  private let up: [String: Gauge]
  private let states: Mutex<[String: ServerHealth]>
  private let changed: Mutex<(@Sendable () -> Void)?>

  /// - Parameter settings: nil looks at nothing; then every server counts as up.
  init(
    _ settings: HealthSettings?, of addresses: [String: DialTarget], dialFrom: [String], logger: Logger, metrics: MetricsRegistry
  ) {
    self.settings = settings
    self.addresses = addresses
    self.logger = logger
    probe = ServerProbe(dialFrom: dialFrom)
    up =
      settings == nil
      ? [:]
      : addresses.reduce(into: [:]) { gauges, server in
        gauges[server.key] = metrics.gauge(
          "hyper_internal_server_up", help: "1 while the internal server takes connections.", labels: ["address": server.key])
        gauges[server.key]?.set(1)
      }
    let rules = settings?.rules ?? HealthRules()
    states = Mutex(addresses.mapValues { _ in ServerHealth(rules) })
    changed = Mutex(nil)
  }

  /// The servers that are down.
  var down: Set<String> { states.withLock { Set($0.filter { !$0.value.isUp }.keys) } }

  /// Calls back whenever `down` changes; from before the first look.
  func onChange(_ callback: @escaping @Sendable () -> Void) { changed.withLock { $0 = callback } }

  func run() async throws {
    guard let settings else {
      try? await gracefulShutdown()  // throws only when cancelled, which ends this as well
      return
    }
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        for (address, target) in self.addresses { group.addTask { await self.watch(address, target, settings) } }
      }
    }
  }

  private func watch(_ address: String, _ target: DialTarget, _ settings: HealthSettings) async {
    while !Task.isCancelled {
      let failure = await probe.failure(of: target, within: settings.timeout)
      if Task.isCancelled { return }
      let (change, isUp) = states.withLock { states -> (ServerHealth.Change?, Bool) in
        let change = failure.map { states[address]?.failed($0) } ?? states[address]?.succeeded()
        return (change ?? nil, states[address]?.isUp ?? true)
      }
      if let change { report(change, of: address) }
      let pause = isUp ? settings.rules.interval : min(settings.rules.interval, Self.downInterval)
      try? await Task.sleep(for: pause)  // cancelled: the loop ends
    }
  }

  private func report(_ change: ServerHealth.Change, of address: String) {
    switch change {
    case .wentUp:
      up[address]?.set(1)
      logger.info("internal server up", metadata: ["address": "\(address)"])
    case .wentDown(let reason):
      up[address]?.set(0)
      logger.warning("internal server down", metadata: ["address": "\(address)", "reason": "\(reason)"])
    }
    changed.withLock { $0 }?()
  }
}
