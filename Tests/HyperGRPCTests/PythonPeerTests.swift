import Harness
import HyperModel
import Testing

@testable import HyperGRPC

/// Against a peer that shares no code with us: Python's grpcio with messages described by hand.
@Suite(.timeLimit(.minutes(10))) struct PythonPeerTests {
  private func setUp(
    limits: GRPCLimits = .test, atPublic: TestHandler = TestHandler()
  ) async throws -> (pair: ChannelTests.Pair, peer: PythonPeer) {
    let pair = try await ChannelTests.Pair(limits: limits, atPublic: atPublic)
    return (pair, try await PythonPeer(pair.privateParty))
  }

  @Test func itCallsUsByNameWithoutOneAndInAForeignOne() async throws {
    let handler = TestHandler { request, caller throws(CallFailure) in
      if request.id.hasSuffix("(failing)") { throw CallFailure("no channel can deliver this request") }
      return .result(["caller": .string(caller.text), "params": .object(request.params ?? [:])])
    }
    let (pair, peer) = try await setUp(atPublic: handler)
    defer { peer.removeFolder() }
    let lines = try await Running.with(pair.server) { _ in
      try await peer.run("peer.py", ["call", peer.folder, "127.0.0.1:\(pair.port)", "private-1", "public-1", "50"])
    }
    #expect(
      lines == [
        ["id": "public-1.method(named)", "result": ["caller": "private-1", "params": ["text": "x", "number": 1.5]]],
        ["id": "public-1.method(unnamed)", "result": ["caller": "private-1", "params": [:]]],
        ["status": "UNKNOWN", "details": "client name \"somebody-else\" is not a verified name of this connection"],
        ["status": "UNKNOWN", "details": "no channel can deliver this request"],
        ["done": 50],
      ])
  }

  @Test func itServesAStreamToUsInOrderAndStoppingEndsItWithUnavailable() async throws {
    var limits = GRPCLimits.test
    // The connection is not closed before the status has left; the peer closes it as soon as it has that.
    limits.stopTime = .seconds(20)
    let (pair, peer) = try await setUp(limits: limits)
    defer { peer.removeFolder() }
    try await peer.running("announce", address: "127.0.0.1:\(pair.port)", own: "private-1", other: "public-1") { lines, _ in
      try await Running.with(pair.server) { _ in
        try await pair.connected()
        // All at once; the stream carries them one after the other, and answers belong by order alone.
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<20 {
            group.addTask {
              let answer = try await pair.server.call("private-1", inner: "\(number)")
              #expect(answer.outcome == .result(["answered": .string("private-1.method(\(number))")]))
            }
          }
          try await group.waitForAll()
        }
      }
      let end = try await lines.first(with: "ended")
      #expect(end == ["ended": "UNAVAILABLE", "details": "the node is stopping"])
      #expect(lines.all.count { $0["client"] == "public-1" } == 20)
    }
  }

  @Test func itsForeignAnnouncementsAreRefusedWithUnknown() async throws {
    let (pair, peer) = try await setUp()
    defer { peer.removeFolder() }
    let lines = try await Running.with(pair.server) { _ in
      try await peer.run("peer.py", ["misannounce", peer.folder, "127.0.0.1:\(pair.port)", "private-1", "public-1"])
    }
    #expect(
      lines == [
        ["ended": "UNKNOWN", "details": "announced name \"somebody-else\" is not a verified name of this connection"],
        ["ended": "UNKNOWN", "details": "the announcement names no operator"],
        ["ended": "UNKNOWN", "details": "the announcement names no operator"],
      ])
    #expect(!pair.server.canDeliver(to: "private-1"))
  }

  @Test func withoutACertificateItIsRefused() async throws {
    let (pair, peer) = try await setUp()
    defer { peer.removeFolder() }
    try await Running.with(pair.server) { _ in
      let lines = try await peer.run("peer.py", ["anonymous", peer.folder, "127.0.0.1:\(pair.port)", "private-1", "public-1"])
      #expect(lines == [["alert": "TLSV13_ALERT_CERTIFICATE_REQUIRED"]])
      try await eventually("the server said why") { pair.publicParty.logger.text.contains("peer presented no certificate") }
    }
  }

  @Test func weCallItAndAnswerItsRequestsInOrder() async throws {
    let mesh = try Mesh()
    let publicParty = try mesh.party("public-1", groups: ["providers"])
    let privateParty = try mesh.party("private-1", channels: [.client], callers: "providers")
    let peer = try await PythonPeer(publicParty)
    defer { peer.removeFolder() }
    let client = mesh.client(
      privateParty,
      handler: TestHandler { request, caller throws(CallFailure) in
        if request.id.hasSuffix("(failing)") { throw CallFailure("no such thing") }
        return .result(["caller": .string(caller.text)])
      })
    try await peer.running("serve", address: "127.0.0.1:0", own: "public-1", other: "private-1") { lines, order in
      let port = try await lines.first(with: "port")["port"]?.integer ?? 0
      mesh.announce(publicParty, port: Int(port))
      try await Running.with(client) { _ in
        let announced = try await lines.first(with: "announced")
        #expect(announced == ["announced": "private-1", "metadata": ["hyper-servercall-concurrency"]])
        let answer = try await client.call("public-1", params: ["n": 7])
        #expect(answer.outcome == .result(["served": "public-1.method(1)"]))
        await #expect(throws: CallFailure("public-1: no channel can deliver this request")) {
          try await client.call("public-1", inner: "failing")
        }
        for (inner, name) in [("1", "public-1"), ("2", "somebody-else"), ("failing", "public-1"), ("4", "public-1")] {
          try await order(["method": "private-1.method", "id": .string("private-1.method(\(inner))"), "client": .string(name)])
        }
        try await eventually("all are answered") { lines.all.count { $0["answer"] != nil } == 4 }
        let foreign = "client name \"somebody-else\" is not a verified name of this connection"
        #expect(
          lines.all.compactMap { $0["answer"] } == [
            ["id": "private-1.method(1)", "result": ["caller": "public-1"]],
            ["id": "private-1.method(2)", "error": ["code": 404, "message": .string(foreign)]],
            ["id": "private-1.method(failing)", "error": ["code": -100, "message": "no such thing"]],
            ["id": "private-1.method(4)", "result": ["caller": "public-1"]],
          ])
      }
    }
  }

  @Test func aPingWithEveryCallDoesNotEndTheConnection() async throws {
    let (pair, peer) = try await setUp()
    defer { peer.removeFolder() }
    let lines = try await Running.with(pair.server) { _ in
      try await peer.run("pings.py", [peer.folder, "127.0.0.1", "\(pair.port)", "private-1", "public-1", "1000"])
    }
    #expect(lines == [["calls": 1000, "pings": 1000, "end": nil]])
  }
}
