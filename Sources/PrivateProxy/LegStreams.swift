import ClientHello
import Logging
import Relay
import ServiceLifecycle
import Wiring

/// Follows what the relay reports about the legs: chooses their servers by their hellos where there are several, tells whoever ordered one
/// how it went, and logs how they ended.
///
/// Owns the engine's life: drains and stops it on graceful shutdown.
struct LegStreams: Service {
  let engine: RelayEngine
  let joins: JoinOutcomes
  let servers: InternalServers
  let drainLimit: Duration
  let streamLog: StreamLog
  let logger: Logger

  func run() async throws {
    await withDiscardingTaskGroup { group in
      group.addTask { await EngineStart.stop(engine, drainLimit: drainLimit, logger: logger) }
      for await event in engine.events {
        switch event {
        case .joined(let stream): joins.report(.joined, of: stream)
        case .dialFailed(let stream, let side, let message): joins.report(.failed(side, message), of: stream)
        case .ended(let summary):
          joins.ended(summary)
          streamLog.ended(summary)
        case .notice(let notice): streamLog.notice(notice)
        case .helloArrived(let stream, let hello, _): choose(for: stream, hello)
        }
      }
    }
  }

  private func choose(for stream: StreamID, _ hello: ClientHelloFacts) {
    let name = hello.serverName ?? ""
    switch servers.choose(name, alpn: hello.alpn) {
    case .server(let target):
      logger.debug("internal endpoint", metadata: ["stream": "\(stream)", "name": "\(name)", "to": "\(target)"])
      engine.route(stream, to: target)
    case .noServer:
      refuse(stream, with: .unrecognizedName, cause: .unknownName, "no internal endpoint has the name '\(name)'")
    case .noProtocol:
      refuse(stream, with: .noApplicationProtocol, cause: .noProtocol, "no internal endpoint of '\(name)' is for these protocols")
    }
  }

  private func refuse(_ stream: StreamID, with alert: TLSAlert, cause: EndCause, _ reason: String) {
    joins.report(.unserved(reason), of: stream)
    engine.refuse(stream, with: alert, cause: cause, detail: reason)
  }
}
