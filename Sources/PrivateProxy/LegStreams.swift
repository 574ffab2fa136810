import ClientHello
import Logging
import ProxyProtocol
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
      for await var news in engine.events {
        while let event = news.next() { follow(event) }
      }
    }
  }

  private func follow(_ event: RelayEvent) {
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

  private func choose(for stream: StreamID, _ hello: ClientHelloFacts) {
    let name = hello.serverName ?? ""
    switch servers.choose(name, alpn: hello.alpn) {
    case .server(let server):
      logger.debug("internal endpoint", metadata: ["stream": "\(stream)", "name": "\(name)", "to": "\(server.target)"])
      engine.route(stream, to: server.target, preface: preface(of: server, for: stream, hello))
    case .noServer:
      refuse(stream, with: .unrecognizedName, cause: .unknownName, "no internal endpoint has the name '\(name)'")
    case .noProtocol:
      refuse(stream, with: .noApplicationProtocol, cause: .noProtocol, "no internal endpoint of '\(name)' is for these protocols")
    }
  }

  /// The name and the protocols are those of the hello; who the client is only the notice says.
  private func preface(of server: InternalServers.Server, for stream: StreamID, _ hello: ClientHelloFacts) -> [UInt8] {
    guard let version = server.proxyProtocol else { return [] }
    var header = (joins.facts(of: stream) ?? ClientFacts([:])).header(servers.headerPrivacy)
    header.authority = hello.serverName
    header.offeredProtocols = hello.alpn
    return header.bytes(version)
  }

  private func refuse(_ stream: StreamID, with alert: TLSAlert, cause: EndCause, _ reason: String) {
    joins.report(.unserved(reason), of: stream)
    engine.refuse(stream, with: alert, cause: cause, detail: reason)
  }
}
