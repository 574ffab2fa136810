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
  }

  private let logger: Logger
  private let counters: [Outcome: Counter]
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
  }

  func count(_ outcome: Outcome) { counters[outcome]?.increment() }

  func count(_ outcome: CallResponse.Outcome) {
    switch outcome {
    case .result: count(.answered)
    case .fault: count(.fault)
    }
  }

  func notAdmitted(_ caller: Caller, peer: String, fault: CallFault) {
    count(.notAdmitted)
    guard case .write(let swallowed) = sampler.withLock({ $0.admit(cause: "not admitted", now: .now) }) else { return }
    var metadata: Logger.Metadata = ["peer": "\(peer)", "caller": "\(caller)", "reason": "\(fault.message)"]
    if swallowed > 0 { metadata["swallowed"] = "\(swallowed)" }
    logger.warning("caller not admitted", metadata: metadata)
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
