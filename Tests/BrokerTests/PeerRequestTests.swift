import Broker
import HyperModel
import Testing

@Suite struct PeerRequests {
  @Test("a permitted request reaches the own service as it came, with the caller's entry") func delivered() async throws {
    let fixture = Fixture()
    let deadline = ContinuousClock.Instant.soon
    let response = try await fixture.handle("own.hello", inner: "n:5", params: ["a": 1], from: "friend.example", deadline: deadline)
    #expect(response == CallResponse(id: "own.hello(n:5)", outcome: .result("ok")))
    let delivery = try #require(fixture.service.deliveries.first)
    #expect(fixture.service.deliveries.count == 1)
    #expect(delivery.recipient == "own")
    #expect(delivery.deadline == deadline)
    #expect(delivery.request.id == "own.hello(n:5)")
    #expect(delivery.request.method == "own.hello")
    #expect(delivery.request.params == ["a": 1])
    #expect(delivery.request.client?.value == ["name": "friend.example", "entry": Fixture.friend.json])
    #expect(fixture.peers.deliveries.isEmpty)
    #expect(fixture.counted("peer", "answered") == 1)
  }

  @Test(
    "a forged _client is replaced, and absent parameters are an empty map",
    arguments: [["_client": ["name": "own"]], nil] as [[String: JSONValue]?])
  func forgedClient(params: [String: JSONValue]?) async throws {
    let fixture = Fixture()
    _ = try await fixture.handle("own.hello", params: params, from: "friend.example")
    #expect(fixture.service.deliveries.first?.request.params == [:])
    #expect(fixture.service.deliveries.first?.request.client?.value == ["name": "friend.example", "entry": Fixture.friend.json])
  }

  @Test("the service's answer goes back under the request's id, whatever id the service used") func responseID() async throws {
    let service = FakeChannel("service", reaches: { $0 == "own" }) { _, _, _ in CallResponse(id: "other", outcome: .result(nil)) }
    #expect(
      try await Fixture(service: service).handle("own.hello", from: "friend.example")
        == CallResponse(id: "own.hello(1)", outcome: .result(nil)))
  }

  @Test("an error object of the service is an answer") func serviceFault() async throws {
    let fault = CallFault(code: 404, message: "no matching connection found", data: ["a": 1])
    let service = FakeChannel("service", reaches: { $0 == "own" }) { request, _, _ in CallResponse(id: request.id, outcome: .fault(fault)) }
    let fixture = Fixture(service: service)
    #expect(try await fixture.handle("own.hello", from: "friend.example").outcome == .fault(fault))
    #expect(fixture.counted("peer", "fault") == 1)
  }

  @Test(
    "a method that the caller may not call is refused",
    arguments: [("hello", "stranger"), ("other", "friend.example"), ("_ping", "stranger")])
  func denied(method: String, caller: String) async throws {
    let fixture = Fixture()
    let response = try await fixture.handle("own.\(method)", from: OperatorName(caller))
    #expect(response.outcome == .fault(CallFault(code: 403, message: "Permission denied for method '\(method)' and client '\(caller)'")))
    #expect(response.id == "own.\(method)(1)")
    #expect(fixture.service.deliveries.isEmpty && fixture.peers.deliveries.isEmpty)
    #expect(fixture.counted("peer", "refused") == 1)
  }

  @Test("permissions are those of the directory at the time of the call") func permissionsChange() async throws {
    let fixture = Fixture()
    var stranger = Fixture.stranger
    stranger.groups = ["friends"]
    fixture.directory.set(stranger)
    #expect(try await fixture.handle("own.hello", from: "stranger").outcome.value == "ok")
    #expect(fixture.service.deliveries.first?.request.client?.value == ["name": "stranger", "entry": stranger.json])
    fixture.directory.set(Fixture.stranger)
    #expect(try await fixture.handle("own.hello", from: "stranger").outcome.fault?.code == 403)
  }

  @Test(
    "a method that is not the one in the id is refused",
    arguments: [
      ("own.hello(1)", "own.secret"), ("own.hello(1)", "hello"), ("own.hello(1)", ""), ("own.hello(1)", "other.hello"),
      ("own.hello(1)", "own.hello(1)"),
    ])
  func methodMismatch(id: String, method: String) async throws {
    let fixture = Fixture()
    let response = try await fixture.broker.handle(
      CallRequest(id: id, method: method, params: [:]), from: "friend.example", deadline: .soon)
    #expect(response.outcome.fault == CallFault(code: 403, message: "method '\(method)' is not the one in the id '\(id)'"))
    #expect(fixture.service.deliveries.isEmpty)
  }

  @Test(
    "requests for other operators are not relayed, known or not, not even for ourselves",
    arguments: ["stranger", "friend.example", "nobody", ""])
  func relaying(recipient: String) async throws {
    let fixture = Fixture()
    for caller in ["friend.example", "own"] as [OperatorName] {
      let response = try await fixture.handle("\(recipient).hello", from: caller)
      #expect(response.outcome.fault == CallFault(code: 403, message: "requests for another operator ('\(recipient)') are not relayed"))
    }
    #expect(fixture.service.deliveries.isEmpty && fixture.peers.deliveries.isEmpty)
  }

  @Test("the own operator may call its own service without a permission") func ownCertificate() async throws {
    #expect(try await Fixture().handle("own.unlisted", from: "own").outcome.value == "ok")
  }

  @Test("an id that is no address fails", arguments: ["", "own.hello", "hello(1)", "own.hello()", "own.hello(1)(2)"])
  func unreadableID(id: String) async throws {
    let fixture = Fixture()
    await #expect(throws: CallFailure("error parsing address: invalid ID format")) {
      try await fixture.broker.handle(CallRequest(id: id, method: "own.hello", params: [:]), from: "friend.example", deadline: .soon)
    }
    #expect(fixture.counted("peer", "failed") == 1)
  }

  @Test("a caller without an entry fails") func unknownCaller() async throws {
    await #expect(throws: CallFailure("error retrieving directory entry for client 'nobody': no directory entry found")) {
      try await Fixture().handle("own.hello", from: "nobody")
    }
  }

  @Test("a node without an entry can do nothing") func noOwnEntry() async throws {
    let fixture = Fixture()
    fixture.directory.remove("own")
    let expected = CallFailure("error retrieving directory entry for client 'own': no directory entry found")
    await #expect(throws: expected) { try await fixture.handle("own.hello", from: "friend.example") }
    await #expect(throws: expected) { try await fixture.submit("friend.example.hi") }
  }

  @Test("a request that no channel can deliver fails") func noChannel() async throws {
    let fixture = Fixture(service: FakeChannel("service", reaches: { _ in false }))
    await #expect(throws: CallFailure("no channel can deliver this request")) {
      try await fixture.handle("own.hello", from: "friend.example")
    }
  }
}

@Suite struct LoopGuard {
  /// A service that tells when it was entered and stays until a gate opens.
  private func stuck(_ entered: Gate, until leave: Gate) -> FakeChannel {
    FakeChannel("service", reaches: { $0 == "own" }) { request, _, _ in
      entered.open()
      await leave.wait()
      return CallResponse(id: request.id, outcome: .result("ok"))
    }
  }

  @Test("a second request of one peer with the same id fails while the first is in flight, and not afterwards") func sameID() async throws {
    let (entered, leave) = (Gate(), Gate())
    let fixture = Fixture(service: stuck(entered, until: leave))
    async let first = fixture.handle("own.hello", inner: "same", from: "friend.example")
    await entered.wait()
    await #expect(throws: CallFailure("request own.hello(same) is already being processed (maybe a delivery loop)")) {
      try await fixture.handle("own.hello", inner: "same", from: "friend.example")
    }
    // Another peer's id is another id.
    async let other = fixture.handle("own.hello", inner: "same", from: "own")
    leave.open()
    #expect(try await first.outcome.value == "ok")
    #expect(try await other.outcome.value == "ok")
    #expect(try await fixture.handle("own.hello", inner: "same", from: "friend.example").outcome.value == "ok")
  }

  @Test("an id is free again after a refusal, a failure and an error") func released() async throws {
    let service = FakeChannel("service", reaches: { $0 == "own" }) { (_, _, _) throws(CallFailure) in throw CallFailure("broken") }
    let fixture = Fixture(service: service)
    for _ in 0..<2 {
      #expect(try await fixture.handle("own.hello", from: "stranger").outcome.fault?.code == 403)
      #expect(try await fixture.handle("own.hello", from: "friend.example").outcome.fault?.code == 500)
      await #expect(throws: CallFailure("error retrieving directory entry for client 'nobody': no directory entry found")) {
        try await fixture.handle("own.hello", from: "nobody")
      }
    }
  }

  @Test("a peer can have only so many requests in flight; others are not affected") func limit() async throws {
    let (entered, leave) = (Gate(), Gate())
    let fixture = Fixture(limits: BrokerLimits(inFlightPerCaller: 1), service: stuck(entered, until: leave))
    async let first = fixture.handle("own.hello", inner: "1", from: "friend.example")
    await entered.wait()
    let second = try await fixture.handle("own.hello", inner: "2", from: "friend.example")
    #expect(second.outcome.fault == CallFault(code: 429, message: "too many requests in flight"))
    #expect(try await fixture.handle("own.hello", inner: "2", from: "stranger").outcome.fault?.code == 403)
    leave.open()
    #expect(try await first.outcome.value == "ok")
    #expect(try await fixture.handle("own.hello", inner: "2", from: "friend.example").outcome.value == "ok")
  }
}
