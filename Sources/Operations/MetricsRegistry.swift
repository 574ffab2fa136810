import Synchronization

/// The metrics of one program.
///
/// The same name and labels give the same instrument again, from wherever it is asked for. The table of instruments and sources is
/// the only mutable state, behind `state`; instruments protect themselves; sources are called without any lock held.
public final class MetricsRegistry: Sendable {
  private enum Instrument {
    case counter(Counter)
    case gauge(Gauge)
    case histogram(Histogram)
  }

  private struct Family {
    var kind: String
    var help: String
    var series: [[String: String]: Instrument] = [:]
  }

  private struct State {
    var families: [String: Family] = [:]
    var sources: [@Sendable () -> [Sample]] = []
    var histogramSources: [@Sendable () -> [HistogramSample]] = []
  }

  private let state = Mutex(State())

  public init() {}

  /// A counter; by convention its name ends in `_total`.
  public func counter(_ name: String, help: String, labels: [String: String] = [:]) -> Counter {
    let found = instrument(name, "counter", help, labels) { .counter(Counter()) }
    guard case .counter(let counter) = found else { preconditionFailure("metric \(name) is no counter") }
    return counter
  }

  public func gauge(_ name: String, help: String, labels: [String: String] = [:]) -> Gauge {
    let found = instrument(name, "gauge", help, labels) { .gauge(Gauge()) }
    guard case .gauge(let gauge) = found else { preconditionFailure("metric \(name) is no gauge") }
    return gauge
  }

  /// - Parameter buckets: upper bounds; `+Inf` is added by itself. Those of the first call count.
  public func histogram(_ name: String, help: String, labels: [String: String] = [:], buckets: [Double]) -> Histogram {
    let found = instrument(name, "histogram", help, labels) { .histogram(Histogram(bounds: buckets)) }
    guard case .histogram(let histogram) = found else { preconditionFailure("metric \(name) is no histogram") }
    return histogram
  }

  /// Adds a source for values counted elsewhere, asked at every scrape; it must answer at once.
  public func collect(_ source: @escaping @Sendable () -> [Sample]) {
    state.withLock { $0.sources.append(source) }
  }

  /// The same for histograms.
  public func collectHistograms(_ source: @escaping @Sendable () -> [HistogramSample]) {
    state.withLock { $0.histogramSources.append(source) }
  }

  private func instrument(
    _ name: String, _ kind: String, _ help: String, _ labels: [String: String], make: () -> Instrument
  ) -> Instrument {
    precondition(Exposition.isName(name), "\(name) is no metric name")
    precondition(labels.keys.allSatisfy(Exposition.isLabelName), "a label name of metric \(name) is none")
    return state.withLock { state in
      if let known = state.families[name]?.series[labels] { return known }
      // Two kinds under one name is a mistake in the program, found the first time the line runs.
      precondition(state.families[name]?.kind ?? kind == kind, "metric \(name) has two kinds")
      let made = make()
      state.families[name, default: Family(kind: kind, help: help)].series[labels] = made
      return made
    }
  }

  /// Everything as Prometheus text, version 0.0.4 (content type ``contentType``), sorted by name.
  public func exposition() -> String {
    let (families, sources, histogramSources) = state.withLock { ($0.families, $0.sources, $0.histogramSources) }
    var text = Exposition()
    for (name, family) in families {
      text.declare(name, kind: family.kind, help: family.help)
      for (labels, instrument) in family.series {
        switch instrument {
        case .counter(let counter): text.add(name, labels: labels, value: Double(counter.value))
        case .gauge(let gauge): text.add(name, labels: labels, value: gauge.value)
        case .histogram(let histogram): text.add(name, labels: labels, histogram: histogram)
        }
      }
    }
    for sample in sources.flatMap({ $0() }) where Exposition.isName(sample.name) {
      // An instrument of the same name is the better witness; a clash must not make the whole scrape unreadable.
      guard families[sample.name] == nil else { continue }
      text.declare(sample.name, kind: sample.kind.rawValue, help: sample.help)
      text.add(sample.name, labels: sample.labels.filter { Exposition.isLabelName($0.key) }, value: sample.value)
    }
    for sample in histogramSources.flatMap({ $0() }) where Exposition.isName(sample.name) {
      guard families[sample.name] == nil else { continue }
      text.declare(sample.name, kind: "histogram", help: sample.help)
      text.add(
        sample.name, labels: sample.labels.filter { Exposition.isLabelName($0.key) }, bounds: sample.bounds, counts: sample.counts,
        sum: sample.sum)
    }
    return text.text
  }

  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"
}
