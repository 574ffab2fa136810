public import HyperModel
public import JSONRPC
public import Logging
public import Operations
public import ServiceLifecycle
import Synchronization
import Trust

/// A proxy's line to its own node: carries calls, says when the node answers and when not, and learns the pins of the own operator.
///
/// `state` is protected by its mutex; everything else is immutable.
public final class NodeLink: Service, Sendable {
  private struct State {
    var isUp = false
    var pins: Set<String>
  }

  /// How often a node that answers is asked again, so that a lost link is noticed (and logged) without traffic.
  public static let checkInterval: Duration = .seconds(10)
  /// How long one such question may take (DESIGN.md 4: each attempt ends after 2 s).
  public static let checkTimeout: Duration = .seconds(2)

  public let ownName: OperatorName
  private let client: JSONRPCClient
  private let logger: Logger
  private let up: Gauge
  private let state: Mutex<State>

  /// - Parameter ownFingerprint: the own certificate's fingerprint: what the own node presents too when both share a certificate.
  public init(ownName: OperatorName, client: JSONRPCClient, ownFingerprint: String?, logger: Logger, metrics: MetricsRegistry) {
    self.ownName = ownName
    self.client = client
    self.logger = logger
    up = metrics.gauge("hyper_node_link_up", help: "1 while the own node answers.")
    state = Mutex(State(pins: ownFingerprint.map { [$0] } ?? []))
  }

  /// The fingerprints that a caller claiming to be the own operator may present.
  public var pins: Set<String> { state.withLock { $0.pins } }

  /// Calls `OPERATOR.METHOD` through the own node.
  ///
  /// - Throws: `JSONRPCClientError` when no answer came; error objects are answers.
  public func call(
    _ recipient: OperatorName, _ method: String, params: [String: JSONValue], timeout: Duration
  ) async throws(JSONRPCClientError) -> CallResponse.Outcome {
    try await client.call("\(recipient).\(method)", params: params, timeout: timeout)
  }

  /// Opens when the node has answered for the first time.
  public let firstAnswer = Latch()

  /// Asks the node again and again until graceful shutdown, then closes the connections to it.
  public func run() async throws {
    await cancelWhenGracefulShutdown {
      var backoff = Backoff()
      while !Task.isCancelled {
        let pause = await self.check(&backoff)
        try? await Task.sleep(for: pause)  // cancelled: the loop ends
      }
    }
    await client.shutdown()
  }

  /// One question to the node; returns how long to wait before the next.
  private func check(_ backoff: inout Backoff) async -> Duration {
    do {
      let params: [String: JSONValue] = ["operator": .string(ownName.text)]
      let outcome = try await call(ownName, "_directory", params: params, timeout: Self.checkTimeout)
      switch outcome {
      case .result(let result):
        learnPins(from: result)
        noteUp()
        backoff.reset()
        return Self.checkInterval
      case .fault(let fault):
        noteDown("the node answered with error \(fault.code): \(fault.message)")
        return backoff.next(after: fault.code == 403 ? .refused : .failedAfterAccept)
      }
    } catch {
      if Task.isCancelled { return .zero }
      noteDown(error.message)
      return backoff.next(after: error.failureKind)
    }
  }

  private func learnPins(from result: JSONValue?) {
    let entry = result?["entries"]?.array?.first { $0["name"]?.string == ownName.text }
    let pinned = entry?["certificates"]?.array?.compactMap { certificate in
      certificate["key_usage"]?.string == "encryption" ? certificate["fingerprint"]?.string?.lowercased() : nil
    }
    guard let pinned, !pinned.isEmpty else { return }
    state.withLock { $0.pins = Set(pinned) }
  }

  private func noteUp() {
    let wasUp = state.withLock { state in
      defer { state.isUp = true }
      return state.isUp
    }
    guard !wasUp else { return }
    up.set(1)
    firstAnswer.open()
    logger.info("link up", metadata: ["to": "own node"])
  }

  private func noteDown(_ reason: String) {
    let wasUp = state.withLock { state in
      defer { state.isUp = false }
      return state.isUp
    }
    up.set(0)
    if wasUp {
      logger.warning("link down", metadata: ["to": "own node", "reason": "\(reason)"])
    } else {
      logger.debug("own node not reached yet", metadata: ["reason": "\(reason)"])
    }
  }
}
