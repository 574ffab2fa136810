import ClientHello
import HyperModel
import JSONRPC
import Logging
import Operations
import Relay
import Wiring

/// Has clients handed over to the private proxies that announced their names.
struct Handover: Sendable {
  let engine: RelayEngine
  let node: NodeLink
  /// Where private proxies are told to present their tokens.
  let internalEndpoint: String
  /// How long a private proxy may take from notice to hand-over.
  let acceptTimeout: Duration
  let streamLog: StreamLog
  let logger: Logger
  let notices: NoticeCounters

  /// Draws a token and tells the private proxy; an error answer or no answer ends the waiting client with an alert instead of a hang.
  func handOver(_ client: WaitingClient) async {
    let token = engine.awaitHandover(of: client.stream)
    logger.debug(
      "notice",
      metadata: ["stream": "\(client.stream)", "name": "\(client.name)", "to": "\(client.holder)", "client": "\(client.address)"])
    let params: [String: JSONValue] = [
      "domain": .string(client.name), "endpoint": .string(internalEndpoint), "token": .string(Base64.encode(token.bytes)),
    ]
    notices.sent.increment()
    do {
      switch try await node.call(client.holder, "incomingConnection", params: params, timeout: acceptTimeout) {
      case .result:
        notices.accepted.increment()
      case .fault(let fault):
        notices.refused.increment()
        giveUp(client, .privateSideRefused, "'\(client.holder)' answered the notice with error \(fault.code): \(fault.message)")
      }
    } catch {
      notices.failed.increment()
      giveUp(client, .privateSideAway, "notice to '\(client.holder)': \(error.message)")
    }
  }

  private func giveUp(_ client: WaitingClient, _ cause: EndCause, _ reason: String) {
    streamLog.noticeFailed(client.stream, to: client.holder.text, reason: reason)
    engine.refuse(client.stream, with: .internalError, cause: cause, detail: reason)
  }
}

/// How notices to private proxies went.
struct NoticeCounters: Sendable {
  let sent: Counter
  let accepted: Counter
  let refused: Counter
  let failed: Counter

  init(_ metrics: MetricsRegistry) {
    sent = metrics.counter("hyper_notices_sent_total", help: "Notices sent to private proxies.")
    let help = "Notices by how they were answered."
    accepted = metrics.counter("hyper_notices_answered_total", help: help, labels: ["outcome": "accepted"])
    refused = metrics.counter("hyper_notices_answered_total", help: help, labels: ["outcome": "refused"])
    failed = metrics.counter("hyper_notices_answered_total", help: help, labels: ["outcome": "failed"])
  }
}
