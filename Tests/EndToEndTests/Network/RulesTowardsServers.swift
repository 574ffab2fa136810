import Harness
import HyperModel
import Testing

extension EndToEnd.RuleTests {
  /// Rules 1–8: a deployed node is the server, we are the client.
  @Suite struct TowardsServers {
    @Test func rule1TheServerFindsOurNameWithItsPinInTheCertificate() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      #expect(try await net.submit("server-calls.echo", id: "rule1").text("result", "method") == "server-calls.echo")
      let called = try await net.peers.event("called", from: mark) { $0["method"] == "server-calls.echo" }
      #expect(called["verified"] == ["own"])
    }

    /// A server that has nothing but the two suites of TLS 1.2 which deployed nodes offer: the one for its kind of key is used.
    @Test(arguments: [("server-ecdsa", "ECDHE-ECDSA-AES128-GCM-SHA256"), ("server-rsa", "AES128-GCM-SHA256")])
    func rule1BothSuitesOfTLS12Work(_ server: String, _ suite: String) async throws {
      let net = try Surroundings.ofSuite
      try await net.peers.order("raw_server", ["at": .string(server), "address": .string(net.address(of: server)), "tls12": true])
      #expect(try await net.submit("\(server).echo").text("result", "method") == "\(server).echo")
      let hello = try await net.peers.order("facts", ["at": .string(server)])["hellos"]?.array?.first
      #expect(hello?["version"] == "TLSv1.2")
      #expect(hello?.text("suite") == suite)
      #expect(hello?["preface"] == true)
    }

    @Test func rule2ServerNameAndAuthorityAreTheOperatorsName() async throws {
      let net = try Surroundings.ofSuite
      try await net.peers.order("raw_server", ["at": "server-hello", "address": .string(net.address(of: "server-hello"))])
      #expect(try await net.submit("server-hello.echo")["result"] != nil)
      let hello = try await net.peers.order("facts", ["at": "server-hello"])["hellos"]?.array?.first
      #expect(hello == ["name": "server-hello", "version": "TLSv1.3", "suite": hello?["suite"] ?? .null, "alpn": "h2", "preface": true])
      let mark = net.peers.mark
      _ = try await net.submit("server-calls.echo", id: "rule2")
      #expect(try await net.peers.event("called", from: mark)["authority"] == "server-calls")
    }

    /// Both have a certificate of the right authority. The directory pins the one to another name, and the name of the other to another certificate.
    @Test(arguments: [
      ("server-other-name", "client-2", "is not for \"server-other-name\""),
      ("server-other-pin", "server-other-pin-shown", "is not pinned in the directory"),
    ])
    func rule2AServerWithAnotherNameOrPinIsNotSpokenTo(_ server: String, _ certificate: String, _ reason: String) async throws {
      let net = try Surroundings.ofSuite
      try await net.peers.order(
        "raw_server", ["at": .string(server), "address": .string(net.address(of: server)), "certificate": .string(certificate)])
      let mark = net.node.lines.count
      let answer = try await net.submit("\(server).echo")
      #expect(answer["error"]?["code"] == 500)
      #expect(answer.text("error", "message")?.contains(reason) == true, "\(answer)")
      try await net.node.line(containing: "link down", "peer=\(server)", "is not", from: mark)
      #expect(try await net.peers.order("facts", ["at": .string(server)])["calls"] == 0)
    }

    @Test func rule3ClientNameIsOurOperatorsName() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      _ = try await net.submit("server-calls.echo", id: "rule3")
      #expect(try await net.peers.event("called", from: mark)["client"] == "own")
    }

    /// The loop guard of a deployed server knows ids only, so that two equal ones at the same time would be refused.
    @Test func rule4IdsAreAddressesAgreeWithTheMethodAndAreUsedOnce() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      let method = "server-guard.hold-guard"
      try await withThrowingTaskGroup(of: JSONValue.self) { group in
        for _ in 0..<5 { group.addTask { try await net.submit(method, id: "1") } }
        try await net.peers.event("called", from: mark, count: 5) { $0.text("method") == method }
        try await net.peers.order("release", ["method": .string(method)])
        for try await answer in group {
          #expect(answer["id"] == "1")
          #expect(answer.text("result", "method") == method, "\(answer)")
        }
      }
      let ids = net.peers.all("called", from: mark).compactMap { $0.text("id") }
      #expect(Set(ids).count == 5)
      #expect(ids.allSatisfy { $0.hasPrefix("server-guard.hold-guard(") && $0.hasSuffix(")") && $0.utf8.count < 100 })
    }

    /// The server pings with every message, as grpc-go does, and cuts clients off that ping more often than every 15 s.
    @Test func rule5NoPingsOfOursEvenWhenTheServerPingsWithEveryCall() async throws {
      let net = try Surroundings.ofSuite
      try await net.peers.order("raw_server", ["at": "server-pings", "address": .string(net.address(of: "server-pings"))])
      let done = try await net.peers.order("steadily", ["socket": "run/own.sock", "methods": ["server-pings.echo"], "count": 1000])
      #expect(done == ["n": done["n"] ?? .null, "answered": 1000, "failures": [], "failed": 0])
      let facts = try await net.peers.order("facts", ["at": "server-pings"])
      #expect(facts["connections"] == 1)
      #expect(facts["calls"] == 1000)
      // One for each DATA frame: at least one for each call.
      #expect((facts["answered_pings"]?.integer ?? 0) >= 1000)
      #expect((facts["pings"]?.integer ?? 99) <= 1)
      #expect(facts["calm"] == 0)
    }

    @Test func rule5WhatIsLargerThan4MiBIsRefusedHereAndTheConnectionStays() async throws {
      let net = try Surroundings.ofSuite
      _ = try await net.submit("server-sizes.echo")
      let mark = net.peers.mark
      let answer = try await net.submit("server-sizes.echo", ["big": .string(String(repeating: "x", count: (4 << 20) - 200))])
      #expect(answer["error"]?["code"] == 500)
      #expect(answer.text("error", "message")?.contains("more than the 4194304 that a message may have") == true)
      // What fits goes through, also with our entry in it.
      #expect(try await net.submit("server-sizes.echo", ["big": .string(String(repeating: "x", count: 4_180_000))])["result"] != nil)
      #expect(net.peers.all("called", from: mark).count == 1)
      // What the peer answers is bounded too.
      let large = try await net.submit("server-sizes.large", ["size": 4_200_000])
      #expect(large["error"]?["code"] == 500, "\(large.text.prefix(300))")
      #expect(try await net.submit("server-sizes.echo")["result"] != nil)
      #expect(Set(net.peers.all("called").filter { $0["at"] == "server-sizes" }.compactMap { $0["connection"] }).count == 1)
    }

    @Test func rule5ParametersAreWhatAStructCarries() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      let params: JSONValue = ["whole": 5, "large": 9_007_199_254_740_993, "part": 0.5, "list": [nil, true, ["a": "ä\u{0}"]], "": ""]
      _ = try await net.submit("server-calls.echo", params)
      let seen = try await net.peers.event("called", from: mark)["params"]
      #expect(seen?["whole"] == .number(5) || seen?["whole"] == 5)
      // A Struct has doubles only.
      #expect(seen?["large"] == 9_007_199_254_740_992 || seen?["large"] == .number(9_007_199_254_740_992))
      #expect(seen?["part"] == 0.5)
      #expect(seen?["list"] == [nil, true, ["a": "ä\u{0}"]])
      #expect(seen?[""] == "")
      #expect(seen?["_client"]?["name"] == "own")
    }

    @Test func rule6CallsOfOneConnectionRunAtTheSameTime() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      try await withThrowingTaskGroup(of: JSONValue.self) { group in
        for number in 0..<8 { group.addTask { try await net.submit("server-calls.hold-six", id: .string("\(number)")) } }
        // All are there before one is answered.
        try await net.peers.event("called", from: mark, count: 8) { $0["method"] == "server-calls.hold-six" }
        try await net.peers.order("release", ["method": "server-calls.hold-six"])
        for try await answer in group { #expect(answer["result"] != nil, "\(answer)") }
      }
      let connections = net.peers.all("called").filter { $0["at"] == "server-calls" }.compactMap { $0["connection"] }
      #expect(Set(connections).count == 1)
    }

    @Test func rule7TheAnnouncementIsSentAtOnceAndTheOfferWithIt() async throws {
      let net = try Surroundings.ofSuite
      // The server sends nothing at all before its first request.
      let announced = try await net.peers.event("announced") { $0["at"] == "server-stream" }
      #expect(announced["peer"] == "own")
      #expect(announced["id"] == "1")
      #expect(announced["metadata"] == ["hyper-servercall-concurrency", "hyper-node"])
    }

    @Test func rule7RequestsAreAnsweredInOrderEachOnceAlsoFailures() async throws {
      let net = try Surroundings.ofSuite
      try await net.peers.event("announced") { $0["at"] == "server-stream" }
      // Sent ahead: the others are in the stream while the first one is held.
      let mark = net.peers.mark
      let methods = ["own.hold1", "own.echo", "own.fault", "own.secret", "own.nothing", "own.text", "own.echo"]
      async let answers = net.deliver("", "ahead", ["methods": .array(methods.map(JSONValue.string))])
      try await net.peers.event("served", from: mark) { $0["method"] == "hold1" }
      try await net.peers.order("release", ["method": "hold1"])
      let given = try await answers["answers"]?.array ?? []
      #expect(given.map { $0.text("id") } == methods.enumerated().map { "\($1)(ahead-\($0))" })
      #expect(given[2]["error"] == ["code": 404, "message": "not here", "data": ["why": "because"]])
      #expect(given[3]["error"]?["code"] == 403)
      #expect(given[5]["result"] == ["_": "ok"])
    }

    @Test(arguments: [
      ("own.secret", 403, "Permission denied for method 'secret' and client 'server-stream'"),
      ("server-calls.echo", 403, "requests for another operator"),
    ])
    func rule7RefusalsAreAnswersToo(_ method: String, _ code: Int64, _ text: String) async throws {
      let net = try Surroundings.ofSuite
      try await net.peers.event("announced") { $0["at"] == "server-stream" }
      let error = try await net.deliver(method, "refused")["answer"]?["error"]
      #expect(error?["code"]?.integer == code)
      #expect(error?.text("message")?.contains(text) == true, "\(error ?? .null)")
    }

    @Test func rule7ARequestInAForeignNameIsAnsweredWith404AndAnUnreadableIdWithMinus100() async throws {
      let net = try Surroundings.ofSuite
      try await net.peers.event("announced") { $0["at"] == "server-stream" }
      #expect(try await net.deliver("own.echo", "foreign", ["client": "client-1"])["answer"]?["error"]?["code"] == 404)
      #expect(try await net.deliver("nonsense", "x")["answer"]?["error"]?["code"] == -100)
      #expect(try await net.deliver("own.echo", "after")["answer"]?["result"] != nil)
    }

    /// The server ends its connections every 700 ms, more or less, instead of every 24 hours.
    @Test func rule8AGoAwayCostsNoCallInEitherDirection() async throws {
      let net = try Surroundings.ofSuite
      let version = try await net.connections().version
      try await net.peers.order("serve", ["at": "server-aging", "address": .string(net.address(of: "server-aging")), "age": 700])
      try await net.node.line(containing: "link up", "peer=server-aging")
      let (mark, log) = (net.peers.mark, net.node.lines.count)
      async let calls = net.peers.order(
        "steadily", ["socket": "run/own.sock", "methods": ["server-aging.echo"], "until": "aging.done"])
      try await net.peers.event("announced", from: mark, count: 3) { $0["at"] == "server-aging" }
      try net.network.finish("aging.done")
      let done = try await calls
      // A planned change of connections is no outage. That a busy machine has no time for the next handshake is one.
      let downs = net.node.lines.dropFirst(log).filter { $0.contains("link down") && $0.contains("peer=server-aging") }
      #expect(downs.allSatisfy { $0.contains("in time") }, "\(downs)")
      #expect(done["failed"] == 0 || !downs.isEmpty, "\(done)")
      #expect(done["failures"]?.array?.allSatisfy { $0.text("error", "message")?.contains("in time") == true } == true, "\(done)")
      #expect((done["answered"]?.integer ?? 0) > 0)
      #expect(net.peers.all("announced", from: mark).count { $0["at"] == "server-aging" } >= 3)
      try await net.peers.order("stop", ["at": "server-aging"])
      try await eventually("the stream to server-aging is over") { try await !net.connections().names.contains("server-aging") }

      // There, the end of an old stream unregisters the new one, so each has to end before the next one begins: only then our node sees the
      // peer go and come each time.
      let life = net.peers.all("announced", "left").filter { $0["at"] == "server-aging" }
      let streams = life.count { $0["event"] == "announced" }
      let changes = try await net.connections().version - version
      #expect(changes >= 2 * Int64(streams), "\(streams) streams, \(changes) changes of who is connected")
      // The server saw that, too. Its threads may be late to say so, but not each time.
      let moves = life.enumerated().filter { $1["event"] == "announced" && $1["stream"] != 1 }
      let inOrder = moves.count { move in
        let previous = (move.element["stream"]?.integer ?? 0) - 1
        return life.prefix(move.offset).contains { $0["event"] == "left" && $0["stream"]?.integer == previous }
      }
      #expect(inOrder > 0, "\(life)")
    }
  }
}

extension Surroundings {
  /// To whom our node has streams, and how often that has changed.
  fileprivate func connections() async throws -> (version: Int64, names: [String]) {
    let result = try await submit("own._connections")["result"]
    let version = try #require(result?["version"]?.integer)
    return (version, result?["peers"]?.array?.compactMap { $0.text("name") } ?? [])
  }

  /// A request of the reference server `server-stream` over our stream.
  fileprivate func deliver(_ method: String, _ id: String, _ more: [String: JSONValue] = [:]) async throws -> JSONValue {
    let members: [String: JSONValue] = ["at": "server-stream", "to": "own", "method": .string(method), "id": .string(id)]
    return try await peers.order("deliver", members.merging(more) { $1 })
  }
}
