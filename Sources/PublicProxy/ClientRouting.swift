import ClientHello
import HyperModel
import JSONRPC
import Logging
import Operations
import Relay
import ServiceLifecycle
import Wiring

/// Turns what the relay reports into orders: looks names up, draws tokens, sends notices, and logs how streams ended.
///
/// Owns the engine's life: drains and stops it on graceful shutdown. One client's failure never leaves its child task.
struct ClientRouting: Service {
  let engine: RelayEngine
  let book: AnnouncementBook
  let node: NodeLink
  /// Where private proxies are told to present their tokens.
  let internalEndpoint: String
  /// How long a private proxy may take from notice to hand-over.
  let acceptTimeout: Duration
  let drainLimit: Duration
  let streamLog: StreamLog
  let logger: Logger
  let notices: NoticeCounters

  func run() async throws {
    await withDiscardingTaskGroup { group in
      group.addTask { await EngineStart.stop(engine, drainLimit: drainLimit, logger: logger) }
      for await event in engine.events {
        switch event {
        case .helloArrived(let stream, let hello, let client):
          group.addTask { await route(stream, hello, client) }
        case .ended(let summary):
          streamLog.ended(summary)
        case .notice(let notice):
          streamLog.notice(notice)
        case .joined, .dialFailed:
          break  // the public side dials nothing yet (static routes will)
        }
      }
    }
  }

  private func route(_ stream: StreamID, _ hello: ClientHelloFacts, _ client: SocketAddressText) async {
    guard let name = hello.serverName else {
      return engine.refuse(stream, with: .missingExtension, cause: .noServerName)
    }
    guard let holder = book.holder(of: name) else {
      return engine.refuse(stream, with: .unrecognizedName, cause: .unknownName)
    }
    let token = engine.awaitHandover(of: stream)
    logger.debug("notice", metadata: ["stream": "\(stream)", "name": "\(name)", "to": "\(holder)", "client": "\(client)"])
    await notify(holder, stream: stream, name: name, token: token)
  }

  /// Tells the private proxy; an error answer or no answer ends the waiting client with an alert instead of a hang.
  private func notify(_ holder: OperatorName, stream: StreamID, name: String, token: Token) async {
    let params: [String: JSONValue] = [
      "domain": .string(name), "endpoint": .string(internalEndpoint), "token": .string(Base64.encode(token.bytes)),
    ]
    notices.sent.increment()
    do {
      switch try await node.call(holder, "incomingConnection", params: params, timeout: acceptTimeout) {
      case .result:
        notices.accepted.increment()
      case .fault(let fault):
        notices.refused.increment()
        giveUp(stream, holder, .privateSideRefused, "'\(holder)' answered the notice with error \(fault.code): \(fault.message)")
      }
    } catch {
      notices.failed.increment()
      giveUp(stream, holder, .privateSideAway, "notice to '\(holder)': \(error.message)")
    }
  }

  private func giveUp(_ stream: StreamID, _ holder: OperatorName, _ cause: EndCause, _ reason: String) {
    streamLog.noticeFailed(stream, to: holder.text, reason: reason)
    engine.refuse(stream, with: .internalError, cause: cause, detail: reason)
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
