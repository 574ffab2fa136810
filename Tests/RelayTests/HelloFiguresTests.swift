import ClientHello
import Glibc
import Harness
import Testing

@testable import Relay

/// What is counted of hellos, and how much of them one source may leave with us.
@Suite(.timeLimit(.minutes(2)))
struct HelloFiguresTests {
  /// A hello for `a.example` in records of these sizes, the last one taking the rest.
  private func cut(_ sizes: [Int]) -> [UInt8] {
    var message = Hello.bytes(for: "a.example").dropFirst(5)
    var bytes: [UInt8] = []
    for size in sizes + [message.count] where !message.isEmpty {
      let fragment = message.prefix(size)
      bytes += [22, 3, 1, UInt8(fragment.count >> 8), UInt8(fragment.count & 0xFF)] + fragment
      message = message.dropFirst(size)
    }
    return bytes
  }

  @Test func aHelloIsReportedWithItsRecordsAndTheSegmentsItCameIn() async throws {
    let side = try PublicSide { engine, _, stream, _ in engine.refuse(stream, with: .unrecognizedName, cause: .unknownName) }
    let hello = cut([10, 20])
    let client = try TestSocket.connect(port: side.clientPort)
    for end in [3, 40] {
      let start = Int(side.engine.snapshot().helloBytesHeld)
      try client.writeNow(Array(hello[start..<end]))
      try await eventually("\(end) bytes are there") { side.engine.snapshot().helloBytesHeld == UInt64(end) }
    }
    try client.writeNow(Array(hello[40...]))
    let facts = try await side.log.first("a hello") { if case .helloArrived(_, let facts, _) = $0 { facts } else { nil } }
    #expect(facts.segmentCount == 3)
    #expect(facts.recordCount == 3)

    #expect(try await client.readToEnd() == TLSAlert.unrecognizedName.record)
    client.close()
    let shape = try #require(try await side.log.ended().hello)
    #expect(shape == HelloShape(facts))
    #expect(shape.rawBytes == UInt32(hello.count) && shape.messageBytes == UInt32(hello.count - 15))
    #expect(shape.highestVersion == .tls13 && !shape.echPresent)

    let figures = side.engine.snapshot().hellos
    #expect(figures.segments.counts.reduce(0, +) == 1 && figures.segments.sum == 3)
    #expect(figures.records.counts == [0, 0, 1] + Array(repeating: 0, count: figures.records.bounds.count - 2))
    #expect(figures.messageBytes.sum == UInt64(shape.messageBytes) && figures.rawBytes.sum == UInt64(shape.rawBytes))
    #expect(figures.byVersion == [.tls10: 0, .tls11: 0, .tls12: 0, .tls13: 1, .later: 0])
    #expect(figures.withECH == 0)
    await side.engine.stop()
  }

  @Test func everyValueFallsIntoTheFirstClassThatHoldsIt() {
    let counters = LoopCounters()
    for (bytes, version, ech) in [(256, 0x0301, false), (257, 0x0304, true), (500_000, 0x7E1C, true)] as [(Int, UInt16, Bool)] {
      var facts = ClientHelloFacts(serverName: nil, highestVersion: TLSVersion(rawValue: version), echPresent: ech)
      facts.messageBytes = bytes
      facts.rawBytes = bytes + 5
      counters.count(HelloShape(facts))
    }
    var sum = RelayCounters()
    counters.fold(into: &sum)
    LoopCounters().fold(into: &sum)
    let last = sum.hellos.messageBytes.bounds.count
    #expect(sum.hellos.messageBytes.counts[0] == 1 && sum.hellos.messageBytes.counts[1] == 1 && sum.hellos.messageBytes.counts[last] == 1)
    #expect(sum.hellos.messageBytes.sum == 500_513)
    #expect(sum.hellos.rawBytes.sum == 500_528)
    #expect(sum.hellos.records.counts[0] == 3 && sum.hellos.segments.counts[0] == 3)
    #expect(sum.hellos.byVersion == [.tls10: 1, .tls11: 0, .tls12: 0, .tls13: 1, .later: 1])
    #expect(sum.hellos.withECH == 2)
    // No other figure was touched.
    #expect(sum.hellosRead == 0 && sum.ended.isEmpty && sum.bytesUp == 0)
  }

  @Test func bytesOfUnfinishedHellosAreBoundedPerSource() async throws {
    let side = try PublicSide(.forTests { $0.helloBudgetPerSource = 300 })
    let unfinished: [UInt8] = [22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3] + [UInt8](repeating: 0, count: 189)
    let first = try side.client(saying: unfinished)
    try await eventually("the first hello's bytes are held") { side.engine.snapshot().helloBytesHeld == 200 }
    let second = try side.client(saying: unfinished)
    #expect(try await second.readToEnd() == alert80)
    second.close()
    let summary = try await side.log.ended()
    #expect(summary.cause == .helloBudget)
    #expect(summary.detail == "hello_budget_per_source")
    // Somebody else is not kept from anything.
    let other = try TestSocket.connect(port: side.clientPort, from: "127.0.0.2")
    try other.writeNow(Hello.bytes(for: "other.example"))
    _ = try await side.log.hello()
    first.reset()
    withExtendedLifetime(other) {}
    await side.engine.stop()
    #expect(side.engine.snapshot().helloBytesHeld == 0)
  }
}
