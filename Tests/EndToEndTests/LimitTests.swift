import Foundation
import Harness
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// What one source, one name or a private side that does not answer can take from the others. Sources are addresses of 127.0.0.0/8.
  @Suite(
    "limits",
    .stack(
      .append(
        .publicProxy,
        """
          accept_timeout: 5
          max_notices: 4
          tcp_rate_limits: [{type: hour, limit: 200}]
          name_rate_limits: [{type: hour, limit: 300}]
          relay:
            max_waiting: 60
            max_presenting: 40
            token_timeout: 6
          routes:
            - {domain: direct.internal-server.local, address: "localhost:8888"}

        """), .metrics(.publicProxy, as: "public"), .metrics(.privateProxy, as: "private")))
  struct LimitTests {
    private static let direct = "direct.internal-server.local"

    @Test func aNoisySourceIsClosedAtOnceAndAnotherIsServed() async throws {
      let stack = try Stack.ofSuite
      let before = try await stack.reached("tcp_rate_limits")
      let mark = stack.publicProxy.lines.count
      let start = ContinuousClock.now
      let seen = try await stack.client("flood", "--source", "127.0.0.66", "--count", "260", "--name", "nobody.example")
      // 200 were let in, which is no help to them; the others learn nothing.
      #expect(seen["alert 112"]?["count"] == 200, "\(seen)")
      #expect(seen["closed"]?["count"] == 60, "\(seen)")
      #expect(try await stack.curl(name: Self.direct).text == Stack.success)
      #expect(try await stack.reached("tcp_rate_limits") - before == 60)
      let line = try await stack.publicProxy.line(containing: "limit reached", "limit=tcp_rate_limits", from: mark)
      #expect(line.contains("client=127.0.0.0/24"), "\(line)")
      // The refusals of one cause are not a line each: ten a second.
      try await stack.publicProxy.line(containing: "stream refused", "cause=unknown_name", from: mark)
      let lines = stack.publicProxy.lines.dropFirst(mark).count { $0.contains("cause=unknown_name") }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      #expect(lines >= 1 && Double(lines) <= 10 * (seconds + 1), "\(lines) lines in \(seconds) s")
    }

    @Test func aPrivateSideThatDoesNotAnswerCostsSoManyClientsAndNothingStays() async throws {
      let stack = try Stack.ofSuite
      try await stack.answers()
      for stuck in [stack.privateProxy, stack.privateNode] {
        let descriptors = try stack.descriptors()
        let before = try await stack.reached("max_waiting_per_name")
        stuck.send(SIGSTOP)
        defer { stuck.send(SIGCONT) }
        async let flood = stack.client("flood", "--source", "127.0.0.71", "--count", "50")
        // Nobody else waits meanwhile.
        let start = ContinuousClock.now
        for _ in 0..<3 { #expect(try await stack.curl(name: Self.direct).text == Stack.success) }
        let other = ContinuousClock.now - start
        let seen = try await flood
        #expect(seen["alert 80"]?["count"] == 50, "\(stuck.name): \(seen)")
        #expect((seen["alert 80"]?["first"]?.seconds ?? 99) < 4.5, "those that are too many know before a wait is over: \(seen)")
        #expect((4.9..<20).contains(seen["alert 80"]?["last"]?.seconds ?? 99), "\(stuck.name): \(seen)")
        #expect(try await stack.reached("max_waiting_per_name") - before >= 20)
        print("\(stuck.name) does not move: \(seen); three requests for another name took \(other)")
        stuck.send(SIGCONT)
        try await stack.answers()
        try await stack.settles(descriptors: descriptors)
      }
      let metrics = try await stack.metrics(of: "public")
      #expect((metrics["hyper_notices_delayed_total"] ?? 0) >= 50)
      try await stack.publicProxy.line(containing: "notice waits for its turn", "to=private-proxy-1", "limit=max_notices")
    }

    @Test func silentConnectionsDoNotFillTheTokenPort() async throws {
      let stack = try Stack.ofSuite
      let before = try await stack.reached("max_presenting_per_source")
      // Twice as many as would do, should a busy machine take so long that the first ones' time is over.
      let silent = try await stack.peer(
        "silent", "--token-port", "\(stack.ports.tokens)", "--source", "127.0.0.67", "--count", "80")
      try await silent.start()
      try await silent.line(containing: "ready")
      let mark = stack.publicProxy.lines.count
      #expect(try await stack.curl().text == Stack.success)
      try await eventually("all that are too many have been turned away") {
        try await stack.reached("max_presenting_per_source") - before >= 40
      }
      #expect(try await silent.ended(within: .seconds(60)) == .exited(0), "each of them was closed")
      #expect(try await stack.curl().text == Stack.success)
      #expect(!stack.publicProxy.lines.dropFirst(mark).contains { $0.contains("stream refused") })
      try await stack.publicProxy.line(containing: "limit reached", "limit=max_presenting_per_source")
    }

    /// Last, because the name cannot be asked for afterwards.
    @Test func anAttackedNameIsRefusedAndAnotherIsServed() async throws {
      let stack = try Stack.ofSuite
      let before = try await stack.reached("name_rate_limits")
      let mark = stack.publicProxy.lines.count
      _ = try await stack.client("flood", "--source", "127.0.0.72", "--count", "200")
      let seen = try await stack.client("flood", "--source", "127.0.0.73", "--count", "200")
      let refused = try await stack.reached("name_rate_limits") - before
      #expect(refused >= 30, "\(seen)")
      #expect((seen["alert 80"]?["count"]?.seconds ?? 0) >= 30, "\(seen)")
      try await stack.publicProxy.line(containing: "stream refused", "cause=too_often", "detail=name_rate_limits", from: mark)
      #expect(try await stack.curl(name: Self.direct).text == Stack.success)
    }
  }
}

extension Stack {
  /// How many connections a limit of the public proxy has turned away.
  fileprivate func reached(_ limit: String) async throws -> Double {
    try await metrics(of: "public")["hyper_relay_limit_reached_total{limit=\"\(limit)\"}"] ?? -1
  }

  /// Descriptors of the programs that a waiting client could cost one.
  fileprivate func descriptors() throws -> [String: Int] {
    try Dictionary(
      uniqueKeysWithValues: [publicProxy, privateProxy, publicNode, privateNode].map { program in
        guard let pid = program.pid else { throw TestFailure("\(program.name) does not run") }
        return (program.name, try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count)
      })
  }

  /// Waits until nothing is under way any longer and no program has more descriptors than before, besides connections between a proxy and its
  /// node that are kept for the next call.
  fileprivate func settles(descriptors before: [String: Int]) async throws {
    let gauges = ["hyper_relay_streams", "hyper_notices_under_way", "hyper_notices_waiting"]
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      let scraped = [try await metrics(of: "public"), try await metrics(of: "private")]
      let busy = gauges.filter { name in scraped.contains { ($0[name] ?? 0) > 0 } }
      let after = try descriptors()
      let more = after.filter { $0.value > before[$0.key, default: 0] + 8 }
      if busy.isEmpty, more.isEmpty { return }
      guard ContinuousClock.now < deadline else { throw TestFailure("still there: \(busy), \(more), before: \(before)") }
    }
  }
}
