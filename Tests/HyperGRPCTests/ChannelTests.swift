import Harness
import HyperModel
import Operations
import Synchronization
import Testing
import Trust

@testable import HyperGRPC

/// Server and client channel in one process, over loopback.
@Suite(.timeLimit(.minutes(2))) struct ChannelTests {
  /// A public node that listens and a private one that only dials, connected.
  struct Pair: Sendable {
    let mesh: Mesh
    let publicParty: Party
    let privateParty: Party
    let server: GRPCServerChannel
    let client: GRPCClientChannel
    let port: Int

    init(limits: GRPCLimits = .test, atPublic: TestHandler = TestHandler(), atPrivate: TestHandler = TestHandler()) async throws {
      mesh = try Mesh()
      publicParty = try mesh.party("public-1", groups: ["providers"])
      privateParty = try mesh.party("private-1", channels: [.client], callers: "providers")
      server = mesh.server(publicParty, limits: limits, handler: atPublic)
      port = try await server.bind()
      mesh.announce(publicParty, port: port)
      client = mesh.client(privateParty, limits: limits, handler: atPrivate)
    }

    func connected() async throws {
      let server = server
      try await eventually("the stream is registered") { server.canDeliver(to: "private-1") }
    }
  }

  @Test func callsTravelBothWaysOverOneConnection() async throws {
    let pair = try await Pair()
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      let up = try await pair.client.call("public-1")
      #expect(up.outcome == .result(["id": "public-1.method(1)", "caller": "private-1"]))
      let down = try await pair.server.call("private-1")
      #expect(down.outcome == .result(["id": "private-1.method(1)", "caller": "public-1"]))
      // The link says so when it is in use already.
      try await eventually("the link is up once") { pair.privateParty.logger.count(of: "link up") == 1 }
    }
    #expect(pair.privateParty.logger.count(of: "link up") == 1)
    #expect(pair.privateParty.logger.count(of: "link down") == 1)
    let exposition = pair.publicParty.metrics.exposition()
    #expect(exposition.contains(#"hyper_grpc_calls_total{direction="in",outcome="result",rpc="call"} 1"#))
    #expect(exposition.contains(#"hyper_grpc_calls_total{direction="out",outcome="result",rpc="server_call"} 1"#))
    #expect(exposition.contains("hyper_grpc_streams 0"))
  }

  @Test func bothEndsSayWhomTheyCanReach() async throws {
    let pair = try await Pair()
    #expect(pair.client.canDeliver(to: "public-1"))
    #expect(!pair.client.canDeliver(to: "private-1"))
    #expect(!pair.client.canDeliver(to: "nobody"))
    #expect(!pair.server.canDeliver(to: "private-1"))
    await #expect(throws: CallFailure.self) { try await pair.server.call("private-1") }
  }

  @Test func aFaultIsAnAnswerAndAFailureNamesItsReason() async throws {
    let fault = CallFault(code: 403, message: "no", data: ["k": true])
    let answer = TestHandler { request, _ throws(CallFailure) in
      if request.method.hasSuffix("fault") { return .fault(fault) }
      throw CallFailure("no such thing")
    }
    let pair = try await Pair(atPublic: answer, atPrivate: answer)
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      #expect(try await pair.client.call("public-1", "fault").outcome == .fault(fault))
      #expect(try await pair.server.call("private-1", "fault").outcome == .fault(fault))
      await #expect(throws: CallFailure("public-1: no such thing")) { try await pair.client.call("public-1") }
      // Over ServerCall a failure is an answer with code -100 (PROTOCOL.md 5.3).
      let failed = try await pair.server.call("private-1")
      #expect(failed.outcome == .fault(CallFault(code: -100, message: "no such thing")))
    }
  }

  @Test func oneStreamCarriesManyCallsAtOnceAndASlowOneDelaysNobody() async throws {
    let (gate, entered) = (Flag(), Flag())
    let pair = try await Pair(
      atPrivate: TestHandler { request, _ in
        if request.method.hasSuffix("slow") {
          entered.raise()
          await gate.wait()
        }
        return .result(["id": .string(request.id)])
      })
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let answer = try await pair.server.call("private-1", "slow")
          #expect(answer.outcome == .result(["id": "private-1.slow(1)"]))
        }
        try await eventually("the slow one has begun") { entered.isRaised }
        try await withThrowingTaskGroup(of: Void.self) { quick in
          for number in 0..<200 {
            quick.addTask {
              let id = "private-1.quick(\(number))"
              let answer = try await pair.server.call("private-1", "quick", inner: "\(number)")
              #expect(answer.outcome == .result(["id": .string(id)]))
            }
          }
          try await quick.waitForAll()
        }
        gate.raise()
        try await group.waitForAll()
      }
    }
  }

  @Test func theSameIdTwiceAtOnceIsRefusedForTheSecond() async throws {
    let (gate, entered) = (Flag(), Flag())
    let pair = try await Pair(
      atPrivate: TestHandler { _, _ in
        entered.raise()
        await gate.wait()
        return .result([:])
      })
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      async let first = pair.server.call("private-1")
      await entered.wait()
      await #expect(throws: CallFailure.self) { try await pair.server.call("private-1") }
      gate.raise()
      #expect(try await first.outcome == .result([:]))
    }
  }

  @Test func aCallEndsAtItsDeadlineAndTheStreamGoesOn() async throws {
    let gate = Flag()
    let stuck = TestHandler { request, _ in
      if request.method.hasSuffix("stuck") { await gate.wait() }
      return .result([:])
    }
    let pair = try await Pair(atPublic: stuck, atPrivate: stuck)
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      // On a busy machine less would be over before the call has left.
      let limit = Duration.seconds(3)
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          await #expect(throws: CallFailure("private-1 did not answer in time")) {
            try await pair.server.call("private-1", "stuck", within: limit)
          }
        }
        group.addTask {
          await #expect(throws: CallFailure("public-1 did not answer in time")) {
            try await pair.client.call("public-1", "stuck", within: limit)
          }
        }
      }
      #expect(try await pair.server.call("private-1", inner: "2").outcome == .result([:]))
      #expect(try await pair.client.call("public-1", inner: "2").outcome == .result([:]))
      gate.raise()
    }
  }

  @Test func tooLargeMessagesFailAloneAndNameTheirSize() async throws {
    var limits = GRPCLimits.test
    limits.messageSize = 10_000
    let big = JSONValue.string(String(repeating: "x", count: 20_000))
    let pair = try await Pair(
      limits: limits, atPublic: TestHandler { _, _ in .result(["big": big]) }, atPrivate: TestHandler { _, _ in .result(["big": big]) })
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      for channel in [pair.server, pair.client] as [any HyperModel.Channel] {
        let peer: OperatorName = channel is GRPCServerChannel ? "private-1" : "public-1"
        let failure = await #expect(throws: CallFailure.self) { try await channel.call(peer, params: ["big": big]) }
        #expect(failure?.message.contains("more than the 10000") == true)
      }
      let answered = try await pair.server.call("private-1", inner: "2")
      guard case .fault(let fault) = answered.outcome else { throw CallFailure("no fault") }
      #expect(fault.code == -100 && fault.message.contains("more than the 10000"))
      let failure = await #expect(throws: CallFailure.self) { try await pair.client.call("public-1", inner: "2") }
      #expect(failure?.message.contains("more than the 10000") == true)
      #expect(pair.server.canDeliver(to: "private-1"))
    }
  }

  @Test func afterARestartOfTheServerTheLinkIsBackSoon() async throws {
    let pair = try await Pair()
    try await Running.with(pair.client) { _ in
      try await Running.with(pair.server) { _ in try await pair.connected() }
      let second = pair.mesh.server(pair.publicParty, port: pair.port, handler: TestHandler())
      try await second.bindAgain()
      let start = ContinuousClock.now
      try await Running.with(second) { _ in
        try await eventually("the stream is back") { second.canDeliver(to: "private-1") }
        // The longest wait between attempts is 1.2 s; the rest is for a machine that is busy with other tests.
        #expect(start.duration(to: .now) < .seconds(30))
        #expect(try await second.call("private-1").outcome == .result(["id": "private-1.method(1)", "caller": "public-1"]))
      }
    }
    // Once or more often: after the server's GOAWAY the next attempt follows at once, and may find the second server before any was
    // refused, or the first one once more.
    #expect(pair.privateParty.logger.count(of: "link up") >= 1)
  }

  @Test func stoppingTheServerEndsStreamsWithUnavailable() async throws {
    let pair = try await Pair()
    try await Running.with(pair.client) { _ in
      // A server that waited for the streams would do so for ever.
      try await Running.with(pair.server) { _ in try await pair.connected() }
      try await eventually("the client noticed") { pair.privateParty.logger.count(of: "link down") > 0 }
    }
  }

  @Test func callsInFlightFailAtOnceWhenTheConnectionBreaks() async throws {
    let entered = Flag()
    let pair = try await Pair(
      atPrivate: TestHandler { _, _ in
        entered.raise()
        // Never answers by itself.
        await Flag().wait()
        return .result([:])
      })
    try await Running.with(pair.server) { _ in
      try await Running.with(pair.client) { running in
        try await pair.connected()
        let start = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
          group.addTask {
            await #expect(throws: CallFailure.self) { try await pair.server.call("private-1", within: .seconds(100)) }
          }
          await entered.wait()
          await running.stop()
        }
        // Well before the call's own deadline.
        #expect(start.duration(to: .now) < .seconds(60))
      }
    }
  }

  @Test func theEndOfAnOldStreamDoesNotRemoveTheNewOne() async throws {
    let pair = try await Pair()
    let second = pair.mesh.client(pair.privateParty, handler: TestHandler { _, _ in .result(["second": true]) })
    try await Running.with(pair.server) { _ in
      try await Running.with(second) { _ in
        try await Running.with(pair.client) { _ in
          // Both connect; whichever is later has the slot.
          try await eventually("both are connected") { pair.publicParty.logger.count(of: "stream open") >= 2 }
        }
        // One of them is gone, and the other one stays or comes back.
        try await eventually("still reachable") {
          (try? await pair.server.call("private-1", inner: "9"))?.outcome == .result(["second": true])
        }
      }
    }
  }

  @Test func aPeerThatMovedIsFollowed() async throws {
    let pair = try await Pair()
    let moved = pair.mesh.server(pair.publicParty, handler: TestHandler())
    let port = try await moved.bind()
    try await Running.with(pair.server, pair.client, moved) { _ in
      try await pair.connected()
      pair.mesh.announce(pair.publicParty, port: port)
      try await eventually("the stream moved") { moved.canDeliver(to: "private-1") }
      try await eventually("the old one is gone") { !pair.server.canDeliver(to: "private-1") }
    }
  }

  @Test func aPeerThatLeavesTheDirectoryIsLeft() async throws {
    let pair = try await Pair()
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      pair.mesh.directory.change { $0["public-1"] = nil }
      try await eventually("the stream is gone") { !pair.server.canDeliver(to: "private-1") }
      let failure = await #expect(throws: CallFailure.self) { try await pair.client.call("public-1") }
      #expect(failure?.message.contains("public-1 has no grpc_server") == true)
    }
  }

  @Test func oneBadEntryAffectsOnlyItself() async throws {
    let pair = try await Pair()
    pair.mesh.directory.change { $0["broken-1"] = .test("broken-1", groups: ["providers"], channels: [.server("no address")]) }
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      #expect(pair.privateParty.logger.text.contains("broken-1"))
      #expect(!pair.client.canDeliver(to: "broken-1"))
    }
  }

  @Test func aPeerThatIsNotKeptIsDialledOnDemand() async throws {
    let pair = try await Pair()
    pair.mesh.directory.change { $0["public-1"]?.groups = [] }
    try await Running.with(pair.server, pair.client) { _ in
      let answer = try await pair.client.call("public-1")
      #expect(answer.outcome == .result(["id": "public-1.method(1)", "caller": "private-1"]))
      #expect(!pair.server.canDeliver(to: "private-1"))
    }
  }

  @Test func aCallToNobodyFailsAtOnceWithTheReason() async throws {
    let pair = try await Pair()
    // The server is bound but nobody runs it: replaced by an address where nobody listens.
    pair.mesh.announce(pair.publicParty, port: 1)
    try await Running.with(pair.client) { _ in
      let start = ContinuousClock.now
      let failure = await #expect(throws: CallFailure.self) { try await pair.client.call("public-1", within: .seconds(100)) }
      #expect(failure?.message.contains("cannot connect to 127.0.0.1:1") == true)
      // Well before the call's own deadline.
      #expect(start.duration(to: .now) < .seconds(60))
      try await eventually("it is logged") { pair.privateParty.logger.count(of: "link down") == 1 }
    }
  }

  @Test func aPortInUseIsAStartFailure() async throws {
    let pair = try await Pair()
    let second = pair.mesh.server(pair.publicParty, port: pair.port, handler: TestHandler())
    let failure = await #expect(throws: StartFailure.self) { _ = try await second.bind() }
    #expect(failure?.message == "cannot listen for gRPC on 127.0.0.1:\(pair.port): Address already in use")
  }
}
