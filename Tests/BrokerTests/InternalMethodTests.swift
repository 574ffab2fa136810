import FoundationEssentials
import HyperModel
import Logging
import Operations
import Testing

@testable import Broker

@Suite struct InternalMethodAnswers {
  @Test("_ping says version, time, the parameters with the caller, and the own entry") func ping() async throws {
    let fixture = Fixture()
    let before = Date.now
    let result = try #require(try await fixture.handle("own._ping", params: ["x": 1], from: "friend.example").outcome.value)
    #expect(result.object?.keys.sorted() == ["params", "serverInfo", "timestamp", "version"])
    #expect(result["version"] == "1.2.3")
    #expect(result["serverInfo"] == Fixture.own.json)
    #expect(result["params"] == ["x": 1, "_client": ["name": "friend.example", "entry": Fixture.friend.json]])
    let timestamp = try #require(result["timestamp"]?.string)
    let time = try #require(RFC3339.parse(timestamp))
    #expect(time.timeIntervalSince(before) > -0.001 && time.timeIntervalSince(before) < 60)
    #expect(fixture.service.deliveries.isEmpty)
    #expect(fixture.counted("peer", "answered") == 1)
  }

  @Test("local programs may ask their node") func local() async throws {
    let fixture = Fixture()
    let response = try await fixture.submit("own._ping", inner: "p")
    #expect(response.id == "p")
    #expect(response.outcome.value?["params"]?["_client"]?["name"] == "own")
  }

  @Test("_connections says who is connected, through which nodes, and who could be dialled") func connections() async throws {
    let fixture = Fixture()
    let first = try await fixture.submit("own._connections").outcome.value
    #expect(first?["node"] == "node-1")
    #expect(first?["peers"] == [])
    #expect(first?["dialable"] == ["friend.example", "stranger"])
    let version = try #require(first?["version"])
    // Asked for the next one, it is told as soon as there is one.
    async let next = fixture.submit("own._connections", params: ["after": version, "wait": 60])
    _ = fixture.connections.opened(.init(name: "friend.example", node: "n1"))
    let answer = try await next.outcome.value
    #expect(answer?["peers"] == [["name": "friend.example", "nodes": ["n1"]]])
    #expect(answer?["dialable"] == ["stranger"])
    #expect(answer?["version"] != version)
    #expect(fixture.service.deliveries.isEmpty)
  }

  @Test("_connections is nobody's business but the own service's") func connectionsOfAPeer() async throws {
    let fixture = Fixture()
    let response = try await fixture.handle("own._connections", from: "friend.example")
    guard case .fault(let fault) = response.outcome else {
      Issue.record("answered")
      return
    }
    #expect(fault.code == 403)
    #expect(fixture.service.deliveries.isEmpty)
  }

  @Test("internal methods of another operator are that operator's") func elsewhere() async throws {
    let fixture = Fixture()
    _ = try await fixture.submit("friend.example._ping")
    #expect(fixture.peers.deliveries.count == 1)
  }

  @Test("an internal method that does not exist is for the service") func unknown() async throws {
    let fixture = Fixture()
    _ = try await fixture.submit("own._channels")
    #expect(fixture.service.deliveries.count == 1)
  }

  @Test("a connection through a proxy is refused in words and never left to the service") func connectionRequest() async throws {
    let fixture = Fixture()
    let failure = await #expect(throws: CallFailure.self) { try await fixture.submit("own._connectionRequest") }
    #expect(failure?.message == "connections through a proxy are not supported yet")
    #expect(fixture.service.deliveries.isEmpty)
    #expect(fixture.counted("local", "failed") == 1)
  }

  @Test(
    "_directory lists the entries that fit everything that is asked",
    arguments: [
      ([:], ["friend.example", "own", "stranger"]), (["operator": "own"], ["own"]),
      (["operator": ""], ["friend.example", "own", "stranger"]),
      (["operator": nil, "group": nil, "channels": nil], ["friend.example", "own", "stranger"]), (["operator": "nobody"], []),
      (["group": "friends"], ["friend.example"]), (["group": "friends", "operator": "own"], []),
      (["channels": ["grpc_client"]], ["own", "stranger"]),
      (["channels": ["grpc_server", "grpc_client"]], ["friend.example", "own", "stranger"]), (["channels": ["quic"]], []),
      (["channels": []], []),
      (["channels": ["grpc_client"], "group": "owners"], ["own"]),
    ] as [([String: JSONValue], [String])])
  func directory(params: [String: JSONValue], expected: [String]) async throws {
    let result = try await Fixture().submit("own._directory", params: params).outcome.value
    #expect(result?["entries"]?.array?.compactMap { $0["name"]?.string } == expected)
  }

  @Test("_directory gives whole entries, also to peers that may ask") func wholeEntries() async throws {
    let result = try await Fixture().handle("own._directory", params: ["operator": "own"], from: "friend.example").outcome.value
    #expect(result == ["entries": [Fixture.own.json]])
  }

  @Test(
    "_directory refuses parameters of another type",
    arguments: [
      (["group": 5], ["group": "expected a string"]), (["channels": "x"], ["channels": "expected a list of strings"]),
      (["channels": ["a", 1], "operator": []], ["channels": "expected a list of strings", "operator": "expected a string"]),
    ] as [([String: JSONValue], JSONValue)])
  func wrongParameters(params: [String: JSONValue], fields: JSONValue) async throws {
    let fault = try #require(try await Fixture().submit("own._directory", params: params).outcome.fault)
    #expect(fault.code == -32602)
    #expect(fault.message == "invalid params")
    #expect(fault.data?["code"] == "FORM-ERROR")
    #expect(fault.data?["data"] == fields)
  }
}

@Suite struct BrokerParts {
  @Test("ids in flight are counted per caller and forgotten when they leave") func inFlight() {
    var table = InFlightTable(limitPerCaller: 2)
    #expect(table.enter(id: "1", caller: "a") == .entered)
    #expect(table.enter(id: "1", caller: "a") == .alreadyThere)
    #expect(table.enter(id: "1", caller: "b") == .entered)
    #expect(table.enter(id: "2", caller: "a") == .entered)
    #expect(table.enter(id: "3", caller: "a") == .tooMany)
    #expect(table.enter(id: "2", caller: "a") == .alreadyThere)
    table.leave(id: "1", caller: "a")
    #expect(table.enter(id: "3", caller: "a") == .entered)
    for (id, caller) in [("2", "a"), ("3", "a"), ("1", "b")] { table.leave(id: id, caller: OperatorName(caller)) }
    #expect(table.isEmpty)
    // Leaving twice, or without having entered, does nothing.
    table.leave(id: "1", caller: "b")
    #expect(table.isEmpty)
  }

  @Test("ids are compared byte for byte") func inFlightBytes() {
    var table = InFlightTable(limitPerCaller: 2)
    #expect(table.enter(id: "caf\u{e9}", caller: "a") == .entered)
    #expect(table.enter(id: "cafe\u{301}", caller: "a") == .entered)
  }

  @Test("wire ids never repeat and fit into an address") func wireIDs() {
    let (one, other) = (WireIDs(), WireIDs())
    let ids = (0..<1000).flatMap { _ in [one.next(), other.next()] }
    #expect(Set(ids).count == 2000)
    #expect(ids.allSatisfy { MethodAddress(operatorName: "a", method: "b", inner: $0).isReadable && $0.utf8.count < 64 })
  }

  @Test("the caller's parameter is that of the snapshot, old or new") func clientCache() {
    let cache = ClientParameterCache()
    func snapshot(_ version: UInt64, _ group: String) -> (DirectoryEntry, DirectorySnapshot) {
      var entry = DirectoryEntry(name: "a")
      entry.groups = [group]
      return (entry, DirectorySnapshot(version: version, entries: ["a": entry]))
    }
    let (one, first) = snapshot(1, "one")
    let (two, second) = snapshot(2, "two")
    #expect(cache.parameter(for: one, in: first).value["entry"]?["groups"] == ["one"])
    #expect(cache.parameter(for: two, in: second).value["entry"]?["groups"] == ["two"])
    #expect(cache.parameter(for: one, in: first).value["entry"]?["groups"] == ["one"])
    #expect(cache.parameter(for: two, in: second).value["entry"]?["groups"] == ["two"])
  }

  @Test("channels get a handler that works as soon as they are in place") func construction() async throws {
    struct Refusal: Error {}
    let directory = FakeDirectory([Fixture.own, Fixture.friend])
    let handlers = HandlerBox()
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let broker = Broker(ownName: "own", directory: directory, version: "", logger: quiet, metrics: MetricsRegistry()) { handler in
      handlers.handler = handler
      return [FakeChannel("service", reaches: { $0 == "own" })]
    }
    let request = CallRequest(id: "own.hello(1)", method: "own.hello", params: [:])
    #expect(try await handlers.handler?.handle(request, from: "friend.example", deadline: .soon).outcome.value == "ok")
    #expect(handlers.handler as? Broker === broker)
    #expect(throws: Refusal.self) {
      _ = try Broker(ownName: "own", directory: directory, version: "", logger: quiet, metrics: MetricsRegistry()) { _ throws(Refusal) in
        throw Refusal()
      }
    }
  }
}

private final class HandlerBox {
  var handler: (any RequestHandler)?
}
