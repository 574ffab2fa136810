import Broker
import HyperModel
import Testing

@Suite struct LocalRequests {
  @Test("a local program reaches peers under an id of the node's own, and gets the answer under its own id") func toPeer() async throws {
    let fixture = Fixture()
    let response = try await fixture.submit("friend.example.hi", inner: "n:7", params: ["a": 1, "_client": "forged"])
    #expect(response == CallResponse(id: "n:7", outcome: .result("ok")))
    let delivery = try #require(fixture.peers.deliveries.first)
    #expect(delivery.recipient == "friend.example")
    #expect(delivery.request.method == "friend.example.hi")
    #expect(delivery.request.params == ["a": 1])
    #expect(delivery.request.client?.value == ["name": "own", "entry": Fixture.own.json])
    let address = try #require(MethodAddress(parsing: delivery.request.id))
    #expect(address.operatorName == "friend.example")
    #expect(address.method == "hi")
    #expect(address.inner != "n:7")
    #expect(fixture.service.deliveries.isEmpty)
    #expect(fixture.counted("local", "answered") == 1)
  }

  @Test("local programs may use the same id as often as they like, also at the same time") func uniqueIDs() async throws {
    let fixture = Fixture()
    let other = Fixture()
    try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<100 {
        group.addTask { try await fixture.submit("friend.example.hi", inner: "1").id }
        group.addTask { try await other.submit("friend.example.hi", inner: "1").id }
      }
      for try await id in group { #expect(id == "1") }
    }
    let ids = (fixture.peers.deliveries + other.peers.deliveries).map(\.request.id)
    #expect(ids.count == 200)
    #expect(Set(ids).count == 200)
  }

  @Test("the own service sees the program's id") func toOwnService() async throws {
    let fixture = Fixture()
    #expect(try await fixture.submit("own.anything", inner: "abc") == CallResponse(id: "abc", outcome: .result("ok")))
    #expect(fixture.service.deliveries.first?.request.id == "own.anything(abc)")
    #expect(fixture.service.deliveries.first?.request.method == "own.anything")
    #expect(fixture.service.deliveries.first?.request.client?.value == ["name": "own", "entry": Fixture.own.json])
  }

  @Test("an id that does not fit into an address still works", arguments: ["a(b)", ")", "x.y(1", "\n"])
  func oddIDs(inner: String) async throws {
    let fixture = Fixture()
    for target in ["own.hello", "friend.example.hi"] {
      #expect(try await fixture.submit(target, inner: inner) == CallResponse(id: inner, outcome: .result("ok")))
    }
    for delivery in fixture.service.deliveries + fixture.peers.deliveries {
      let address = try #require(MethodAddress(parsing: delivery.request.id))
      #expect(address.agrees(withMethodText: delivery.request.method))
    }
  }

  @Test("a method without an operator fails", arguments: ["hello", "", "own.", "own.a(b"])
  func noOperator(methodText: String) async throws {
    let fixture = Fixture()
    await #expect(throws: CallFailure("error parsing address: invalid ID format")) { try await fixture.submit(methodText) }
    #expect(fixture.counted("local", "failed") == 1)
  }

  @Test("an unknown operator fails") func unknownOperator() async throws {
    let expected = CallFailure("error retrieving directory entry for recipient 'nobody': no directory entry found")
    await #expect(throws: expected) { try await Fixture().submit("nobody.hello") }
    #expect(expected.faultForLocalCaller == CallFault(code: 1, message: expected.message, data: [:]))
    #expect(expected.faultForServerCall == CallFault(code: -100, message: expected.message))
  }

  @Test("a peer that no channel reaches fails") func noChannel() async throws {
    let fixture = Fixture(peers: FakeChannel("peers", reaches: { _ in false }))
    await #expect(throws: CallFailure("no channel can deliver this request")) { try await fixture.submit("friend.example.hi") }
  }

  @Test("a peer behind a proxy fails, and why is said") func behindAProxy() async throws {
    let fixture = Fixture(peers: FakeChannel("peers", reaches: { _ in false }))
    var hidden = DirectoryEntry(name: "hidden")
    hidden.channels = [.init(type: "grpc_server", settings: ["address": "hidden:1", "proxy": "proxy-1"])]
    fixture.directory.set(hidden)
    let failure = await #expect(throws: CallFailure.self) { try await fixture.submit("hidden.hi") }
    #expect(
      failure?.message
        == "no channel can deliver this request: hidden is behind the proxy proxy-1, and connections through a proxy are not supported yet")
  }

  @Test("the first channel that can deliver is used, and its failure is final") func firstChannel() async throws {
    let broken = FakeChannel("first", reaches: { _ in true }) { (_, _, _) throws(CallFailure) in throw CallFailure("connection refused") }
    let fixture = Fixture(service: broken)
    let response = try await fixture.submit("friend.example.hi")
    let message = "Channel 0 encountered an error delivering the message: first: connection refused"
    #expect(response.outcome == .fault(CallFault(code: 500, message: message)))
    #expect(fixture.peers.deliveries.isEmpty)
    #expect(fixture.counted("local", "failed") == 1)
    #expect(fixture.counted("local", "answered") == 0)
  }

  @Test("a failure names the channel that was used") func secondChannel() async throws {
    let broken = FakeChannel("peers", reaches: { $0 != "own" }) { (_, _, _) throws(CallFailure) in throw CallFailure("link down") }
    let response = try await Fixture(peers: broken).submit("friend.example.hi")
    #expect(response.outcome.fault?.message == "Channel 1 encountered an error delivering the message: peers: link down")
  }

  @Test("a channel that changes its mind is asked at every call") func asksAgain() async throws {
    let gate = Switch()
    let fixture = Fixture(peers: FakeChannel("peers", reaches: { _ in gate.isOn }))
    await #expect(throws: CallFailure.self) { try await fixture.submit("friend.example.hi") }
    gate.isOn = true
    #expect(try await fixture.submit("friend.example.hi").outcome.value == "ok")
  }
}

@Suite struct Deadlines {
  @Test("a call that is late already is not delivered") func tooLate() async throws {
    let fixture = Fixture()
    let response = try await fixture.submit("friend.example.hi", deadline: .now - .seconds(1))
    #expect(response.outcome.fault?.code == 500)
    #expect(
      response.outcome.fault?.message == "Channel 1 encountered an error delivering the message: peers: no answer before the deadline")
    #expect(fixture.peers.deliveries.isEmpty)
  }

  @Test("a channel that ignores the deadline is cancelled at it, and the id is free again") func cancelledAtDeadline() async throws {
    let cancelled = Switch()
    let slow = FakeChannel("service", reaches: { $0 == "own" }) { request, _, _ in
      await Gate().wait()
      cancelled.isOn = Task.isCancelled
      return CallResponse(id: request.id, outcome: .result("too late"))
    }
    let fixture = Fixture(service: slow)
    for _ in 0..<2 {
      let before = slow.deliveries.count
      cancelled.isOn = false
      // A busy machine may come to the channel when the deadline is over, and then does not ask it.
      for attempt in 0..<10 where slow.deliveries.count == before {
        let deadline = ContinuousClock.now + .milliseconds(20 << attempt)
        let response = try await fixture.handle("own.hello", from: "friend.example", deadline: deadline)
        let message = "Channel 0 encountered an error delivering the message: service: no answer before the deadline"
        #expect(response.outcome.fault?.message == message)
      }
      #expect(slow.deliveries.count == before + 1)
      #expect(cancelled.isOn)
    }
  }

  @Test("a caller that goes away cancels the delivery and nothing is left behind") func callerGone() async throws {
    let entered = Gate()
    let stuck = FakeChannel("service", reaches: { $0 == "own" }) { (_, _, _) throws(CallFailure) in
      entered.open()
      await Gate().wait()
      throw CallFailure("cancelled")
    }
    let fixture = Fixture(service: stuck)
    let call = Task { try await fixture.handle("own.hello", from: "friend.example") }
    await entered.wait()
    call.cancel()
    #expect(try await call.value.outcome.fault?.message == "Channel 0 encountered an error delivering the message: service: cancelled")
  }

  @Test("an answer just in time ends the call at once") func inTime() async throws {
    let start = ContinuousClock.now
    _ = try await Fixture().submit("friend.example.hi", deadline: .now + .seconds(3600))
    #expect(ContinuousClock.now - start < .seconds(60))
  }
}
