import HyperModel
import Logging
import Operations
import Synchronization

/// Counts the requests of one JSON-RPC server by outcome, and logs callers that are not admitted (sampled).
///
/// `sampler` is the only mutable state, behind its mutex.
final class RPCReport: Sendable {
  enum Outcome: String, CaseIterable {
    case answered, fault, malformed
    case notFound = "not_found"
    case notAdmitted = "not_admitted"
    /// Carried out without an answer, because strict callers want none.
    case notified
    /// Refused because of `RPCLimits.requests`.
    case busy
  }

  /// The bounds that a caller can reach.
  enum Limit: String, CaseIterable {
    case body, batch, requests
    case batchAnswer = "batch_answer"
    case callTime = "call_time"
  }

  private let logger: Logger
  private let counters: [Outcome: Counter]
  private let limits: [Limit: Counter]
  private let batches: Counter
  private let sampler = Mutex(LineSampler())

  init(name: String, logger: Logger, metrics: MetricsRegistry) {
    var logger = logger
    logger[metadataKey: "server"] = "\(name)"
    self.logger = logger
    var counters: [Outcome: Counter] = [:]
    for outcome in Outcome.allCases {
      counters[outcome] = metrics.counter(
        "hyper_jsonrpc_server_requests_total", help: "Requests by outcome.", labels: ["server": name, "outcome": outcome.rawValue])
    }
    self.counters = counters
    var limits: [Limit: Counter] = [:]
    for limit in Limit.allCases {
      limits[limit] = metrics.counter(
        "hyper_jsonrpc_server_limit_reached_total", help: "Requests refused or cut by a limit, by limit.",
        labels: ["server": name, "limit": limit.rawValue])
    }
    self.limits = limits
    batches = metrics.counter(
      "hyper_jsonrpc_server_batches_total", help: "Batches worked on; their requests are counted like others.", labels: ["server": name])
  }

  func count(_ outcome: Outcome) { counters[outcome]?.increment() }

  func count(_ outcome: CallResponse.Outcome) {
    switch outcome {
    case .result: count(.answered)
    case .fault: count(.fault)
    }
  }

  func countBatch() { batches.increment() }

  /// - Parameter found: what the caller wanted, where that is a number.
  func limitReached(_ limit: Limit, _ bound: some Sendable, found: Int? = nil, peer: String) {
    limits[limit]?.increment()
    var metadata: Logger.Metadata = ["peer": "\(peer)", "limit": "\(limit.rawValue)", "bound": "\(bound)"]
    if let found { metadata["found"] = "\(found)" }
    line(.warning, cause: "limit \(limit.rawValue)", "limit of the JSON-RPC server reached", metadata)
  }

  /// A notification has nobody to tell what became of it but the log.
  func notified(_ method: String, _ outcome: CallResponse.Outcome) {
    count(.notified)
    guard case .fault(let fault) = outcome else { return }
    line(
      .info, cause: "notification", "notification failed",
      ["method": "\(method)", "code": "\(fault.code)", "reason": "\(fault.message)"])
  }

  func notAdmitted(_ caller: Caller, peer: String, fault: CallFault) {
    count(.notAdmitted)
    line(
      .warning, cause: "not admitted", "caller not admitted",
      ["peer": "\(peer)", "caller": "\(caller)", "reason": "\(fault.message)"])
  }

  private func line(_ level: Logger.Level, cause: String, _ message: Logger.Message, _ metadata: Logger.Metadata) {
    guard logger.logLevel <= level else { return }
    guard case .write(let swallowed) = sampler.withLock({ $0.admit(cause: cause, now: .now) }) else { return }
    logger.log(level: level, message, metadata: swallowed > 0 ? metadata.merging(["swallowed": "\(swallowed)"]) { $1 } : metadata)
  }
}

/// Counts the calls of one JSON-RPC client by outcome. What failed is the caller's to log: it knows what it was for.
final class ClientReport: Sendable {
  private let logger: Logger
  private let answeredCounter: Counter
  private let faultCounter: Counter
  private let connectedCounter: Counter
  private let failures: @Sendable (JSONRPCClientError.Kind) -> Counter

  init(endpoint: String, logger: Logger, metrics: MetricsRegistry) {
    self.logger = logger
    let calls: @Sendable (String) -> Counter = { outcome in
      metrics.counter("hyper_jsonrpc_client_calls_total", help: "Calls by outcome.", labels: ["endpoint": endpoint, "outcome": outcome])
    }
    answeredCounter = calls("answered")
    faultCounter = calls("fault")
    connectedCounter = metrics.counter(
      "hyper_jsonrpc_client_connections_total", help: "Connections opened.", labels: ["endpoint": endpoint])
    failures = { calls("\($0)") }
  }

  func connected() { connectedCounter.increment() }

  func answered(_ outcome: CallResponse.Outcome) {
    switch outcome {
    case .result: answeredCounter.increment()
    case .fault: faultCounter.increment()
    }
  }

  func failed(_ method: String, _ error: JSONRPCClientError) {
    failures(error.kind).increment()
    logger.debug("call failed", metadata: ["method": "\(method)", "error": "\(error)"])
  }
}
