import Announcements
import ClientHello
import HyperModel
import Logging
import Operations
import Relay
import ServiceLifecycle
import Wiring

/// Turns what the relay reports into orders: looks names up, routes or has handed over, and logs how streams ended.
///
/// Owns the engine's life: drains and stops it on graceful shutdown. One client's failure never leaves its child task.
struct ClientRouting: Service {
  let engine: RelayEngine
  /// Where a hello goes, by name and protocols. Asked for every client.
  let lookup: @Sendable (String, [[UInt8]]) -> RouteOutcome
  /// Nil without a network: then nothing can be announced.
  let handover: Handover?
  let drainLimit: Duration
  let streamLog: StreamLog
  let logger: Logger
  let counters: RoutingCounters

  func run() async throws {
    await withDiscardingTaskGroup { group in
      group.addTask { await EngineStart.stop(engine, drainLimit: drainLimit, logger: logger) }
      for await var news in engine.events {
        while let event = news.next() {
          switch event {
          case .helloArrived(let stream, let hello, let client):
            streamLog.helloArrived(stream, hello, from: client)
            // Only a hand-over has something to wait for.
            guard let (handover, waiting) = route(stream, hello, client), handover.begin(waiting) else { continue }
            group.addTask { await handover.serve(waiting) }
          case .ended(let summary):
            handover?.ended(summary.id)
            streamLog.ended(summary)
          case .notice(let notice):
            streamLog.notice(notice)
          case .joined(let stream):
            handover?.underWay.settled(stream)
          case .dialFailed:
            break  // how a dial failed is in the line about the stream's end
          }
        }
      }
    }
  }

  /// Says what becomes of a client: at once, unless its private side has to be told.
  private func route(
    _ stream: StreamID, _ hello: ClientHelloFacts, _ client: SocketAddressText
  ) -> (Handover, WaitingClient)? {
    guard let name = hello.serverName else {
      engine.refuse(stream, with: .missingExtension, cause: .noServerName)
      return nil
    }
    switch lookup(name, hello.alpn) {
    case .route(let route):
      counters.routed.increment()
      dial(route.address, for: stream, name, client)
    case .fallback(let address):
      counters.fellBack.increment()
      dial(address, for: stream, name, client)
    case .announced(let announcement):
      counters.announced.increment()
      let waiting = WaitingClient(
        stream: stream, name: name, domain: announcement.domain, holder: announcement.owner, alpn: hello.alpn, address: client,
        arrived: .now)
      if let handover { return (handover, waiting) }
      engine.refuse(stream, with: .internalError, cause: .privateSideAway, detail: "there is no node")
    case .noProtocol(let domain):
      counters.refused.increment()
      engine.refuse(stream, with: .noApplicationProtocol, cause: .noProtocol, detail: "no route of \(domain) is for these protocols")
    case .unknown:
      counters.refused.increment()
      engine.refuse(stream, with: .unrecognizedName, cause: .unknownName)
    }
    return nil
  }

  private func dial(_ address: String, for stream: StreamID, _ name: String, _ client: SocketAddressText) {
    logger.debug("route", metadata: ["stream": "\(stream)", "name": "\(name)", "to": "\(address)"])
    guard let target = DialTarget(routeAddress: address) else {
      return engine.refuse(stream, with: .internalError, cause: .system, detail: "\(address) is no address")
    }
    engine.route(stream, to: target)
  }
}

/// Where hellos were sent.
struct RoutingCounters: Sendable {
  let routed: Counter
  let fellBack: Counter
  let announced: Counter
  let refused: Counter

  init(_ metrics: MetricsRegistry) {
    let help = "Well-formed hellos by where they were sent."
    func counter(_ target: String) -> Counter { metrics.counter("hyper_hellos_routed_total", help: help, labels: ["to": target]) }
    routed = counter("route")
    fellBack = counter("fallback")
    announced = counter("announcement")
    refused = counter("nowhere")
  }
}

extension RoutingCounters {
  /// What depends on the name alone, for the relay's loops to ask: routes that lead to one address whatever the client offers, and names that
  /// nobody has. Their clients cost no trip to the control plane.
  ///
  /// - Parameter mayHave: false for names that lead nowhere.
  func decision(by routes: StaticRoutes, mayHave: @escaping @Sendable (String) -> Bool) -> @Sendable (ClientHelloFacts) -> HelloDecision {
    let targets = routes.unconditional.compactMapValues { DialTarget(routeAddress: $0) }
    let (routed, refused) = (routed, refused)
    return { hello in
      guard let name = hello.serverName else { return .ask }
      guard mayHave(name) else {
        refused.increment()
        return .refuse(.unrecognizedName, .unknownName)
      }
      guard let target = targets[name] else { return .ask }
      routed.increment()
      return .route(target)
    }
  }
}
