import Harness
import HyperModel
import Testing

extension EndToEnd.RuleTests {
  /// Rules 9–13: a deployed node is the client, we are the server.
  @Suite struct TowardsClients {
    @Test(arguments: [(true, "TLSv1.3"), (false, "TLSv1.3")])
    func rule9OurCertificateIsPinnedAndALPNIsH2ButNotForced(_ offersALPN: Bool, _ version: String) async throws {
      let net = try Surroundings.ofSuite
      let seen = try await net.hello(from: "client-1", ["alpn": offersALPN ? ["h2"] : []])
      #expect(seen["alpn"] == (offersALPN ? "h2" : .null))
      #expect(seen.text("version") == version)
      #expect(seen["pinned"] == true)
      #expect(seen["http2"] == true)
    }

    @Test func rule9AClientThatHasOnlyTheDeployedSuitesOfTLS12IsServed() async throws {
      let seen = try await Surroundings.ofSuite.hello(from: "client-1", ["tls12": true])
      #expect(seen.text("version") == "TLSv1.2")
      #expect(seen.text("suite") == "ECDHE-ECDSA-AES128-GCM-SHA256")
      #expect(seen["http2"] == true)
    }

    @Test func rule9ACertificateIsAskedFor() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.node.lines.count
      #expect(try await net.hello(from: "client-1", ["certificate": false])["alert"] == "TLSV13_ALERT_CERTIFICATE_REQUIRED")
      try await net.node.line(containing: "connection refused", "no certificate", from: mark)
    }

    @Test(arguments: [
      ("client-1-unpinned", "client-1", "not pinned in the directory"), ("foreigner", "foreigner", "trusted authority"),
    ])
    func rule9AWrongPinOrAuthorityIsRefusedAndNamed(_ certificate: String, _ name: String, _ reason: String) async throws {
      let net = try Surroundings.ofSuite
      let mark = net.node.lines.count
      let answer = try await net.call("own.echo", from: certificate, ["client": "client-1"])
      #expect(answer["status"] == "UNAVAILABLE", "\(answer)")
      try await net.node.line(containing: "connection refused", name, reason, from: mark)
    }

    @Test func rule10AConnectionForEveryCallIsTakenAndNothingStays() async throws {
      let net = try Surroundings.ofSuite
      let before = try await net.network.metrics(of: "own")
      let calls: [String: JSONValue] = [
        "own": "client-2", "count": 60, "method": "own.echo", "address": .string(net.address), "other": "own", "inner": "ten",
      ]
      #expect(try await net.peers.order("calls", calls)["answered"] == 60)
      try await eventually("all descriptors are closed") {
        try await net.network.metrics(of: "own")["process_open_fds"] ?? 9999 <= (before["process_open_fds"] ?? 0) + 2
      }
    }

    @Test func rule10CallsRunAtTheSameTimeOverTheirConnections() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      try await withThrowingTaskGroup(of: JSONValue.self) { group in
        for client in ["client-1", "client-2", "client-3"] {
          // The same id from each of them: the guard against loops is for each caller.
          group.addTask { try await net.call("own.hold2", from: client, ["id": "1"]) }
        }
        try await net.peers.event("served", from: mark, count: 3) { $0["method"] == "hold2" }
        try await net.peers.order("release", ["method": "hold2"])
        for try await answer in group { #expect(answer["result"] != nil, "\(answer)") }
      }
    }

    @Test func rule10TheSameIdTwiceFromOneCallerIsRefusedForTheSecond() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      async let first = net.call("own.hold3", from: "client-1", ["id": "same"])
      try await net.peers.event("served", from: mark) { $0["method"] == "hold3" }
      let second = try await net.call("own.hold3", from: "client-1", ["id": "same"])
      #expect(second["status"] == "UNKNOWN")
      #expect(second.text("details") == "request own.hold3(same) is already being processed (maybe a delivery loop)")
      try await net.peers.order("release", ["method": "hold3"])
      #expect(try await first["result"] != nil)
    }

    /// A deployed client spins for ever when a stream ends with status OK.
    @Test(
      arguments: [
        ("unverified name", ["announced": "client-2"], "UNKNOWN"), ("no text", ["announced": 5], "UNKNOWN"),
        ("noise", ["raw_announcement": "ffffff"], "UNKNOWN"), ("nothing in it", ["raw_announcement": ""], "UNKNOWN"),
        ("too large", ["raw_announcement": .integer(5 << 20)], "RESOURCE_EXHAUSTED"),
      ] as [(String, [String: JSONValue], String)])
    func rule11ARefusedStreamEndsWithAnError(_ what: String, _ options: [String: JSONValue], _ status: String) async throws {
      let net = try Surroundings.ofSuite
      let mark = net.node.lines.count
      try await net.start("eleven \(what)", from: "client-3", options)
      #expect(try await net.ended("eleven \(what)").text("status") == status)
      try await net.node.line(containing: "refused", "peer=client-3", from: mark)
    }

    @Test func rule11AReplacedStreamEndsWithAnErrorAndTheNewOneStays() async throws {
      let net = try Surroundings.ofSuite
      try await net.open("old", from: "client-4")
      try await net.open("new", from: "client-4")
      #expect(try await net.ended("old")["status"] == "ABORTED")
      #expect(try await net.submit("client-4.echo").text("result", "method") == "client-4.echo")
      try await net.peers.order("close", ["key": "new"])
    }

    @Test func rule11OneRequestAtATimeInOrder() async throws {
      let net = try Surroundings.ofSuite
      try await net.open("order", from: "client-5")
      let mark = net.peers.mark
      try await withThrowingTaskGroup(of: JSONValue.self) { group in
        for number in 0..<20 {
          let method = ["echo", "text", "fault", "fail"][number % 4]
          group.addTask { try await net.submit("client-5.\(method)", id: .integer(Int64(number))) }
        }
        for try await answer in group { #expect(answer["id"] != nil) }
      }
      let asked = net.peers.all("asked", from: mark).filter { $0["own"] == "client-5" }
      #expect(asked.count == 20)
      #expect(asked.allSatisfy { $0["early"] == false })
      try await net.peers.order("close", ["key": "order"])
    }

    @Test func rule11FailuresOfTheClientBecomeErrorsOfTheirCallers() async throws {
      let net = try Surroundings.ofSuite
      try await net.open("failing", from: "client-6")
      #expect(try await net.submit("client-6.fail")["error"] == ["code": -100, "message": "no such thing"])
      #expect(try await net.submit("client-6.fault")["error"] == ["code": 404, "message": "not here", "data": ["why": "because"]])
      // What has no result on the wire is an empty object for the caller (PROTOCOL.md 21).
      #expect(try await net.submit("client-6.nothing") == ["jsonrpc": "2.0", "id": "1", "result": [:]])
      try await net.peers.order("close", ["key": "failing"])
    }

    @Test func rule12RequestsCarryOurNameAndOurEntry() async throws {
      let net = try Surroundings.ofSuite
      try await net.open("twelve", from: "client-7")
      let mark = net.peers.mark
      _ = try await net.submit("client-7.echo", ["a": 1, "_client": ["name": "forged"]])
      let asked = try await net.peers.event("asked", from: mark) { $0["own"] == "client-7" }
      #expect(asked["client"] == "own")
      #expect(asked["params"]?["_client"]?["name"] == "own")
      #expect(asked["params"]?["_client"]?["entry"]?["groups"] == ["providers"])
      #expect(asked["params"]?["a"] == 1 || asked["params"]?["a"] == .number(1))
      #expect(asked.text("id")?.hasPrefix("client-7.echo(") == true)
      try await net.peers.order("close", ["key": "twelve"])
    }

    @Test(
      arguments: [
        ("list", ["_": [nil]]), ("text", ["_": "ok"]), ("null", [:]), ("echo", ["method": "echo", "id": "own.echo(1)"]),
      ] as [(String, JSONValue)])
    func rule13ResultsAreObjects(_ method: String, _ result: JSONValue) async throws {
      let answer = try await Surroundings.ofSuite.call("own.\(method)", from: "client-1")
      #expect(answer["result"] == result, "\(answer)")
      #expect(answer.text("id") == "own.\(method)(1)")
    }

    @Test(arguments: [("list", [nil]), ("text", "ok")] as [(String, JSONValue)])
    func rule13WrappedResultsOfAPeerAreUnwrappedForTheCaller(_ method: String, _ result: JSONValue) async throws {
      #expect(try await Surroundings.ofSuite.submit("server-calls.\(method)")["result"] == result)
    }

    @Test func rule13ErrorsAreAnswersAndKeepCodeMessageAndData() async throws {
      let answer = try await Surroundings.ofSuite.call("own.fault", from: "client-1")
      #expect(answer["error"] == ["code": 404, "message": "not here", "data": ["why": "because"]])
    }
  }
}

extension Surroundings {
  fileprivate func hello(from client: String, _ more: [String: JSONValue]) async throws -> JSONValue {
    let members: [String: JSONValue] = ["own": .string(client), "address": .string(address), "other": "own"]
    return try await peers.order("hello", members.merging(more) { $1 })
  }
}
