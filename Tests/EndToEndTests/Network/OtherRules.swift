import Foundation
import Harness
import HyperModel
import Testing

extension EndToEnd.RuleTests {
  /// Rules 14 and 16, as far as they concern a directory of JSON files.
  @Suite struct OfTheDirectory {
    /// What peers are shown of our records is what the hash of a signed one would be over: unknown keys dropped, times as they were written.
    @Test func rule14RecordsTravelInTheirNormalisedForm() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      _ = try await net.submit("server-calls.echo", id: "rule14")
      let called = try await net.peers.event("called", from: mark)
      let records = called["params"]?["_client"]?["entry"]?["records"]?.array ?? []
      let channels = try #require(records.first { $0["record"]?["section"] == "channels" })
      #expect(channels["hash"] == "")
      #expect(channels["parent_hash"] == "")
      #expect(channels["signature"] == .null)
      #expect(channels["record"]?["created_at"] == "2026-01-01T00:00:00Z")
      // `unknown` is gone, and `settings: null` with it.
      #expect(channels["record"]?["data"]?.array?.last == ["type": "other"])
      let services = records.first { $0["record"]?["section"] == "services" }?["record"]?["data"]?.array?.first
      #expect(services?["methods"]?.array?.first == ["name": "echo", "permissions": []])
    }

    @Test func rule16EntriesInAnyOrderNullsAndUnknownKeysAreTaken() async throws {
      let net = try Surroundings.ofSuite
      // The order of the files and of the records in them is not that of the names, and the own entry has an unknown key (see `Surroundings`).
      let entries = try await net.submit("own._directory", ["channels": ["other"]])["result"]?["entries"]
      #expect(entries?.array?.map { $0["name"] } == ["own"])
      let channel = entries?.array?.first?["channels"]?.array?.last
      #expect(channel == ["type": "other", "settings": nil])
    }

    @Test func rule18ChannelsInClientAreAListAlsoForAnOperatorWithout() async throws {
      let net = try Surroundings.ofSuite
      try net.network.write([], to: "900.json")
      try net.network.enroll([TestOperator(name: "bare-operator", groups: ["callers"], channels: [])], in: "900.json")
      try await net.node.line(containing: "directory reloaded")
      let mark = net.peers.mark
      try await eventually("the operator is known") { try await net.call("own.echo", from: "bare-operator")["result"] != nil }
      let served = try await net.peers.event("served", from: mark)
      #expect(served["params"]?["_client"]?["entry"]?["channels"] == [])
    }
  }

  /// What a node answers itself is the same for a local program, over `Call` and over `ServerCall`.
  @Suite struct OfInternalMethods {
    private func answers(_ method: String, _ params: JSONValue = [:]) async throws -> [JSONValue?] {
      let net = try Surroundings.ofSuite
      try await net.peers.event("announced") { $0["at"] == "server-stream" }
      let stream: [String: JSONValue] = [
        "at": "server-stream", "to": "own", "method": .string("own.\(method)"), "id": "internal", "params": params,
      ]
      return [
        try await net.submit("own.\(method)", params)["result"],
        try await net.call("own.\(method)", from: "client-1", ["params": params])["result"],
        try await net.peers.order("deliver", stream)["answer"]?["result"],
      ]
    }

    @Test func aPingIsAnsweredInFullOverEveryPath() async throws {
      for (answer, caller) in zip(try await answers("_ping", ["x": "y"]), ["own", "client-1", "server-stream"]) {
        #expect(answer?.object?.keys.sorted() == ["params", "serverInfo", "timestamp", "version"])
        #expect(answer?["params"]?["x"] == "y")
        #expect(answer?["params"]?["_client"]?["name"]?.string == caller)
        #expect(answer?["serverInfo"]?["name"] == "own")
      }
    }

    @Test func theDirectoryIsAnsweredInFullOverEveryPath() async throws {
      for answer in try await answers("_directory", ["operator": "client-1"]) {
        #expect(answer?["entries"]?.array?.map { $0["name"] } == ["client-1"])
        #expect(answer?["entries"]?.array?.first?["groups"] == ["callers"])
      }
    }

    @Test func aConnectionThroughAProxyIsRefusedInWords() async throws {
      let net = try Surroundings.ofSuite
      let answer = try await net.call("own._connectionRequest", from: "client-1")
      #expect(answer == ["n": answer["n"] ?? .null, "status": "UNKNOWN", "details": "connections through a proxy are not supported yet"])
    }
  }

  /// Rule 19, at both of our JSON-RPC ends.
  @Suite struct OfJSONRPC {
    @Test func rule19OurRequestsHaveAParamsObjectAShortMethodAndTheRightType() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      _ = try await net.call("own.echo", from: "client-1", ["id": "nineteen"])
      let served = try await net.peers.event("served", from: mark)
      #expect(served["path"] == "/jsonrpc")
      #expect(served["version"] == "2.0")
      #expect(served["members"] == ["id", "jsonrpc", "method", "params"])
      // The method without the operator, the id in full (PROTOCOL.md 6.2).
      #expect(served["method"] == "echo")
      #expect(served["id"] == "own.echo(nineteen)")
      #expect(served["params"]?.object != nil)
      #expect(served["content_type"] == "application/json")
      #expect(served["accept"] == "application/json")
    }

    @Test func rule19Status400WithAJSONRPCBodyIsAnAnswer() async throws {
      let net = try Surroundings.ofSuite
      // The service answers with 400, and so do we to the local program.
      let body = #"{"jsonrpc":"2.0","method":"own.fault","params":{},"id":19}"#
      let answer = try await net.peers.order("post", ["socket": "run/own.sock", "body": .string(body)])
      #expect(answer["status"] == 400)
      #expect(
        answer["answer"] == ["jsonrpc": "2.0", "id": 19, "error": ["code": 404, "message": "not here", "data": ["why": "because"]]])
    }

    /// Every kind of id of PROTOCOL.md 6.1 and 21 comes back as it was, from our own service and from a peer.
    @Test(
      arguments: [
        5, 0, -5, 2_147_483_647, -2_147_483_648, "5", "a", "ä", "n:5", "nn:5", "n:-0", "n:007", "n:", "n:x",
        "n:123456789012345678901234567890123",
        "with space", "a(b", "a)b", "1.5", "n:-12345678901234567890123456789012", "\u{1F600}", "a\"b\\c", "a\nb",
      ] as [JSONValue])
    func idsComeBackAsTheyWere(_ id: JSONValue) async throws {
      let net = try Surroundings.ofSuite
      for method in ["own.echo", "server-calls.echo"] {
        let answer = try await net.submit(method, id: id)
        #expect(answer["id"] == id)
        #expect(answer["result"] != nil, "\(answer)")
      }
    }

    @Test(arguments: ["1.5", "2147483648", "-2147483649", "true", "[]", "{}", "1e40"]) func otherIdsAreRefused(_ id: String) async throws {
      let body = #"{"jsonrpc":"2.0","method":"own.echo","params":{},"id":\#(id)}"#
      let answer = try await Surroundings.ofSuite.peers.order("post", ["socket": "run/own.sock", "body": .string(body)])
      #expect(answer["status"] == 400)
      #expect(answer["answer"]?["error"]?["code"] == -32600)
      #expect(answer["answer"]?["id"] == .null)
    }

    @Test func aWholeNumberWithAFractionOfZeroIsThatNumber() async throws {
      let body = #"{"jsonrpc":"2.0","method":"own.echo","params":{},"id":5.0}"#
      let answer = try await Surroundings.ofSuite.peers.order("post", ["socket": "run/own.sock", "body": .string(body)])
      #expect(answer["answer"]?["id"] == 5 || answer["answer"]?["id"] == .number(5))
      #expect(answer["answer"]?["result"]?["id"] == "own.echo(n:5)")
    }

    @Test(arguments: ["", "null", #""""#]) func anAbsentIdIsMade(_ id: String) async throws {
      let member = id.isEmpty ? "" : #","id":\#(id)"#
      let body = #"{"jsonrpc":"2.0","method":"own.echo","params":{}\#(member)}"#
      let answer = try await Surroundings.ofSuite.peers.order("post", ["socket": "run/own.sock", "body": .string(body)])
      #expect(answer["answer"]?.text("id")?.utf8.count == 32)
    }
  }
}
