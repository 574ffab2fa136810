import HyperModel
import Operations

/// What both channels count.
struct CallMetrics: Sendable {
  enum Direction: String, CaseIterable {
    /// From a peer to us, and from us to a peer.
    case incoming = "in"
    case outgoing = "out"
  }

  enum Transport: String, CaseIterable {
    case call
    case serverCall = "server_call"
  }

  enum Outcome: String, CaseIterable {
    case result, fault, failure
  }

  private struct Kind: Hashable {
    let direction: Direction
    let transport: Transport
    let outcome: Outcome
  }

  let registry: MetricsRegistry
  /// Looked up once, because every call counts.
  private let calls: [Kind: Counter]

  init(registry: MetricsRegistry) {
    self.registry = registry
    var calls: [Kind: Counter] = [:]
    for direction in Direction.allCases {
      for transport in Transport.allCases {
        for outcome in Outcome.allCases {
          calls[Kind(direction: direction, transport: transport, outcome: outcome)] = registry.counter(
            "hyper_grpc_calls_total", help: "Calls between nodes, by direction, RPC and outcome.",
            labels: ["direction": direction.rawValue, "rpc": transport.rawValue, "outcome": outcome.rawValue])
        }
      }
    }
    self.calls = calls
  }

  func count(_ direction: Direction, _ transport: Transport, _ outcome: Outcome) {
    calls[Kind(direction: direction, transport: transport, outcome: outcome)]?.increment()
  }

  func count(_ direction: Direction, _ transport: Transport, _ outcome: CallResponse.Outcome) {
    switch outcome {
    case .result: count(direction, transport, .result)
    case .fault: count(direction, transport, .fault)
    }
  }

  func refusedConnection(_ cause: String) {
    registry.counter(
      "hyper_grpc_refused_connections_total", help: "Connections of peers that were not taken, by cause.", labels: ["cause": cause]
    ).increment()
  }

  var acceptPauses: Counter {
    registry.counter(
      "hyper_grpc_accept_pauses_total", help: "How often accepting rested, for want of descriptors or after an error of the system.")
  }

  var streams: Gauge { registry.gauge("hyper_grpc_streams", help: "ServerCall streams of peers that are open.") }
  var links: Gauge { registry.gauge("hyper_grpc_links_up", help: "Connections to peers that are up.") }

  func linkChanged(up: Bool) {
    registry.counter(
      "hyper_grpc_link_changes_total", help: "Links to peers that came up or went down.", labels: ["state": up ? "up" : "down"]
    ).increment()
  }
}
