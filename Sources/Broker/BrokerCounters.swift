import HyperModel
import Operations

/// Calls by where they came from and how they ended.
struct BrokerCounters: Sendable {
  enum Source: String, CaseIterable {
    case local, peer
  }

  enum Ending: String, CaseIterable {
    /// With a result.
    case answered
    /// With an error object of the called service.
    case fault
    /// Not allowed.
    case refused
    /// Not carried out.
    case failed
  }

  private struct Key: Hashable {
    let source: Source
    let ending: Ending
  }

  private let counters: [Key: Counter]

  init(in metrics: MetricsRegistry) {
    var counters: [Key: Counter] = [:]
    for source in Source.allCases {
      for ending in Ending.allCases {
        counters[Key(source: source, ending: ending)] = metrics.counter(
          "hyper_calls_total", help: "Calls by origin and outcome", labels: ["source": source.rawValue, "outcome": ending.rawValue])
      }
    }
    self.counters = counters
  }

  func count(_ ending: Ending, from source: Source) {
    counters[Key(source: source, ending: ending)]?.increment()
  }

  func count(_ outcome: CallResponse.Outcome, from source: Source) {
    switch outcome {
    case .result: count(.answered, from: source)
    case .fault: count(.fault, from: source)
    }
  }
}
