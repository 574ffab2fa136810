import Addresses
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Operations
import Synchronization

/// Counts and logs what happens to the connections of one server. Lines about clients are sampled, so that no client can fill the log.
///
/// `sampler` is the only mutable state, behind its mutex; lines are written outside of it.
final class ServerReport: Sendable {
  private let logger: Logger
  private let sampler = Mutex(LineSampler())
  private let opened: Counter
  private let open: Gauge
  private let refusedAtLimit: Counter
  private let overHead: Counter
  private let overRate: Counter
  private let acceptPauses: Counter
  private let preflights: [Bool: Counter]
  private let failed: Counter
  private let refusals: @Sendable (String) -> Counter
  private let expiries: [RequestClock.Cause: Counter]

  init(name: String, logger: Logger, metrics: MetricsRegistry) {
    var logger = logger
    logger[metadataKey: "server"] = "\(name)"
    self.logger = logger
    let labels = ["server": name]
    opened = metrics.counter("hyper_http_connections_opened_total", help: "Connections accepted.", labels: labels)
    open = metrics.gauge("hyper_http_connections_open", help: "Connections open now.", labels: labels)
    refusedAtLimit = metrics.counter(
      "hyper_http_connections_over_limit_total", help: "Connections closed at once because there were too many.", labels: labels)
    overRate = metrics.counter(
      "hyper_http_connections_over_rate_total", help: "Connections closed at once because of tcp_rate_limits.", labels: labels)
    acceptPauses = metrics.counter(
      "hyper_http_accept_pauses_total", help: "How often accepting rested, for want of descriptors or after an error of the system.",
      labels: labels)
    var preflights: [Bool: Counter] = [:]
    for (isAllowed, outcome) in [(true, "allowed"), (false, "refused")] {
      preflights[isAllowed] = metrics.counter(
        "hyper_http_preflights_total", help: "CORS preflights by outcome.", labels: labels.merging(["outcome": outcome]) { $1 })
    }
    self.preflights = preflights
    overHead = metrics.counter(
      "hyper_http_heads_over_limit_total", help: "Requests refused because their head is too large.", labels: labels)
    failed = metrics.counter("hyper_http_connections_failed_total", help: "Connections that ended with an error.", labels: labels)
    refusals = { cause in
      metrics.counter(
        "hyper_http_clients_refused_total", help: "Clients not let in, by the check that failed.",
        labels: labels.merging(["cause": cause]) { $1 }
      )
    }
    var expiries: [RequestClock.Cause: Counter] = [:]
    for cause in RequestClock.Cause.allCases {
      expiries[cause] = metrics.counter(
        "hyper_http_connections_expired_total", help: "Connections closed because the client was too slow.",
        labels: labels.merging(["cause": cause.rawValue]) { $1 })
    }
    self.expiries = expiries
  }

  func connectionOpened(_ channel: any NIOCore.Channel) {
    opened.increment()
    open.increment()
    channel.closeFuture.whenComplete { _ in self.open.decrement() }
  }

  func connectionLimitReached(_ limit: Int) {
    refusedAtLimit.increment()
    line(.warning, cause: "limit", "connection refused: too many are open", ["limit": "\(limit)"])
  }

  func acceptPaused(_ reason: AcceptGate.Pause) {
    acceptPauses.increment()
    line(.error, cause: "accept", "accepting rests", ["reason": "\(reason)"])
  }

  func rateReached(_ rate: ConnectionRate, source: Source) {
    overRate.increment()
    line(.warning, cause: "rate", "connection refused: rate limit reached", ["source": "\(source)", "limit": "\(rate)"])
  }

  func preflight(isAllowed: Bool, origin: String, peer: String) {
    preflights[isAllowed]?.increment()
    if isAllowed { return }
    line(
      .info, cause: "origin", "preflight refused: origin not allowed",
      ["peer": "\(peer)", "origin": "\(LineText.escaped(String(origin.prefix(200))))"])
  }

  func headLimitReached(_ limit: Int, peer: String) {
    overHead.increment()
    line(.info, cause: "head", "request refused: its head is too large", ["peer": "\(peer)", "limit": "\(limit)"])
  }

  func refused(_ refusal: HTTPRefusal, peer: String) {
    refusals(refusal.cause).increment()
    line(.warning, cause: refusal.cause, "client refused", ["peer": "\(peer)", "cause": "\(refusal.cause)", "reason": "\(refusal.text)"])
  }

  func expired(_ cause: RequestClock.Cause, peer: String) {
    expiries[cause]?.increment()
    // An idle client that is let go is nothing to look at.
    line(cause == .idle ? .debug : .info, cause: cause.rawValue, "connection closed", ["peer": "\(peer)", "cause": "\(cause.rawValue)"])
  }

  /// Anything a client can cause by ending or garbling its connection; nothing an operator has to act on.
  func connectionFailed(_ error: any Error, peer: String) {
    failed.increment()
    line(.debug, cause: "failed", "connection failed", ["peer": "\(peer)", "error": "\(error)"])
  }

  func stopLimitReached(cut: Int) {
    guard cut > 0 else { return }
    logger.warning("connections cut at the end of the stop time", metadata: ["connections": "\(cut)"])
  }

  private func line(_ level: Logger.Level, cause: String, _ message: Logger.Message, _ metadata: Logger.Metadata) {
    guard logger.logLevel <= level else { return }
    switch sampler.withLock({ $0.admit(cause: cause, now: .now) }) {
    case .swallow: break
    case .write(let swallowed):
      logger.log(level: level, message, metadata: swallowed > 0 ? metadata.merging(["swallowed": "\(swallowed)"]) { $1 } : metadata)
    }
  }
}
