import Synchronization
import Testing

@testable import Operations

struct MetricsRegistryTests {
  private let registry = MetricsRegistry()

  @Test func countersGaugesAndHistogramsAppearSortedWithHelpAndType() {
    registry.counter("hyper_streams_total", help: "Streams.", labels: ["cause": "eof"]).increment(by: 3)
    registry.counter("hyper_streams_total", help: "Streams.", labels: ["cause": "alert"]).increment()
    registry.gauge("hyper_open", help: "Open.").set(1.5)
    let histogram = registry.histogram("hyper_seconds", help: "Time.", labels: ["side": "up"], buckets: [1, 0.1])
    for value in [0.05, 0.1, 0.5, 7] { histogram.observe(value) }
    #expect(
      registry.exposition() == """
        # HELP hyper_open Open.
        # TYPE hyper_open gauge
        hyper_open 1.5
        # HELP hyper_seconds Time.
        # TYPE hyper_seconds histogram
        hyper_seconds_bucket{side="up",le="0.1"} 2
        hyper_seconds_bucket{side="up",le="1"} 3
        hyper_seconds_bucket{side="up",le="+Inf"} 4
        hyper_seconds_sum{side="up"} 7.65
        hyper_seconds_count{side="up"} 4
        # HELP hyper_streams_total Streams.
        # TYPE hyper_streams_total counter
        hyper_streams_total{cause="alert"} 1
        hyper_streams_total{cause="eof"} 3

        """)
  }

  @Test func anEmptyRegistryIsEmptyText() {
    #expect(registry.exposition() == "")
  }

  @Test func theSameNameAndLabelsGiveTheSameCounter() {
    let first = registry.counter("a_total", help: "A.", labels: ["x": "1"])
    let again = registry.counter("a_total", help: "other text", labels: ["x": "1"])
    let other = registry.counter("a_total", help: "A.", labels: ["x": "2"])
    #expect(first === again)
    #expect(first !== other)
  }

  @Test func labelValuesAndHelpAreEscaped() {
    registry.gauge("g", help: "back\\slash\nline", labels: ["l": "q\"b\\n\nend\r\n"]).set(-2)
    #expect(registry.exposition() == "# HELP g back\\\\slash\\nline\n# TYPE g gauge\ng{l=\"q\\\"b\\\\n\\nend\r\\n\"} -2\n")
  }

  @Test(arguments: [(Double.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (1e21, "1e+21"), (0.25, "0.25"), (-0.0, "0")])
  func numbersAreWrittenAsPrometheusReadsThem(value: Double, text: String) {
    #expect(Exposition.number(value) == text)
  }

  @Test func collectedSourcesAreAskedAtEveryScrape() {
    let held = Held()
    registry.collect {
      [Sample(name: "relay_bytes_total", help: "Bytes.", kind: .counter, labels: ["d": "up"], value: Double(held.next()))]
    }
    #expect(registry.exposition().contains("relay_bytes_total{d=\"up\"} 1\n"))
    #expect(registry.exposition().contains("relay_bytes_total{d=\"up\"} 2\n"))
  }

  @Test func collectedHistogramsLookLikeOurOwn() {
    registry.counter("taken", help: "T.").increment()
    registry.collectHistograms {
      [
        HistogramSample(name: "hyper_bytes", help: "B.", labels: ["a": "1"], bounds: [10, 20], counts: [1, 0, 2], sum: 65),
        HistogramSample(name: "hyper_bytes", help: "B.", labels: ["a": "2"], bounds: [10], counts: [], sum: 0),
        HistogramSample(name: "taken", help: "", bounds: [1], counts: [1, 1], sum: 1),
        HistogramSample(name: "bad name", help: "", bounds: [1], counts: [1, 1], sum: 1),
      ]
    }
    #expect(
      registry.exposition() == """
        # HELP hyper_bytes B.
        # TYPE hyper_bytes histogram
        hyper_bytes_bucket{a="1",le="10"} 1
        hyper_bytes_bucket{a="1",le="20"} 1
        hyper_bytes_bucket{a="1",le="+Inf"} 3
        hyper_bytes_sum{a="1"} 65
        hyper_bytes_count{a="1"} 3
        hyper_bytes_bucket{a="2",le="10"} 0
        hyper_bytes_bucket{a="2",le="+Inf"} 0
        hyper_bytes_sum{a="2"} 0
        hyper_bytes_count{a="2"} 0
        # HELP taken T.
        # TYPE taken counter
        taken 1

        """)
  }

  @Test func badNamesAndClashesOfCollectedSamplesDoNotSpoilTheScrape() {
    registry.counter("taken", help: "T.").increment()
    registry.collect {
      [
        Sample(name: "bad name", help: "", kind: .gauge, value: 1), Sample(name: "taken", help: "", kind: .gauge, value: 9),
        Sample(name: "good", help: "G.", kind: .gauge, labels: ["ok": "1", "not ok": "2"], value: 4),
      ]
    }
    #expect(
      registry.exposition() == "# HELP good G.\n# TYPE good gauge\ngood{ok=\"1\"} 4\n# HELP taken T.\n# TYPE taken counter\ntaken 1\n")
  }

  @Test func aSourceMayUseTheRegistry() {
    registry.collect { [registry] in [Sample(name: "n", help: "", kind: .gauge, value: Double(registry.counter("c", help: "").value))] }
    #expect(registry.exposition().contains("n 0\n"))
  }

  @Test func nothingIsLostWhenManyTasksCount() async {
    await withTaskGroup { group in
      for _ in 0..<8 {
        group.addTask { [registry] in
          for _ in 0..<1000 {
            registry.counter("many_total", help: "M.").increment()
            registry.gauge("level", help: "L.").increment()
            registry.histogram("h", help: "H.", buckets: [1]).observe(.milliseconds(500))
          }
        }
      }
    }
    #expect(registry.counter("many_total", help: "M.").value == 8000)
    #expect(registry.gauge("level", help: "L.").value == 8000)
    #expect(registry.exposition().contains("h_count 8000\n"))
  }

  @Test func notANumberDoesNotSpoilAHistogram() {
    let histogram = registry.histogram("h", help: "H.", buckets: [1])
    histogram.observe(.nan)
    histogram.observe(.infinity)
    #expect(histogram.snapshot.buckets == [0, 1])
  }

  @Test(arguments: [("a:b_1", true), ("_a", true), ("1a", false), ("", false), ("a-b", false), ("ä", false)])
  func metricNamesAreChecked(name: String, good: Bool) {
    #expect(Exposition.isName(name) == good)
  }

  private final class Held: Sendable {
    private let count = Atomic<Int>(0)
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
  }
}

struct ProcessFactsTests {
  @Test func theKernelsFactsAboutThisProcessMakeSense() throws {
    let facts = Dictionary(uniqueKeysWithValues: ProcessFacts.samples().map { ($0.name, $0.value) })
    #expect(try #require(facts["process_cpu_seconds_total"]) >= 0)
    #expect(try #require(facts["process_resident_memory_bytes"]) > 1_048_576)
    #expect(try #require(facts["process_virtual_memory_bytes"]) > 1_048_576)
    #expect(try #require(facts["process_threads"]) >= 1)
    let open = try #require(facts["process_open_fds"])
    #expect(open >= 3)
    #expect(try #require(facts["process_max_fds"]) >= open)
    let started = try #require(facts["process_start_time_seconds"])
    let now = Double(WallTime.now().milliseconds) / 1000
    #expect(started > now - 86_400 * 30 && started < now + 60)
  }
}
