import HyperModel
import Testing

extension EndToEnd {
  /// What peers try that they may not: refused, logged with the name of the peer, and nobody else notices.
  @Suite("forgeries and noise", .network) struct ForgeryTests {
    /// Calls of a peer that may call us, which are answered with error 403.
    enum Attempt: String, CaseIterable, CustomTestStringConvertible {
      case methodThatIsNotTheOneInTheID = "method ≠ id"
      case methodOfAnotherOperatorThanTheID = "operator of the method ≠ id"
      case relay = "relay to a third operator"
      case relayToAnUnknownOperator = "relay to nobody"
      case forbiddenMethod = "a method that no service lists"

      var testDescription: String { rawValue }

      /// Method and id.
      var request: (method: String, id: String) {
        switch self {
        case .methodThatIsNotTheOneInTheID: ("own.secret", "own.echo(1)")
        case .methodOfAnotherOperatorThanTheID: ("server-calls.echo", "own.echo(1)")
        case .relay: ("server-calls.echo", "server-calls.echo(1)")
        case .relayToAnUnknownOperator: ("nobody.echo", "nobody.echo(1)")
        case .forbiddenMethod: ("own.secret", "own.secret(1)")
        }
      }
    }

    @Test(arguments: Attempt.allCases) func isRefusedWith403AndLoggedWithThePeersName(_ attempt: Attempt) async throws {
      let net = try Surroundings.ofSuite
      let (mark, log) = (net.peers.mark, net.node.lines.count)
      let (method, id) = attempt.request
      let answer = try await net.call(method, from: "client-1", ["addressed": .string(id)])
      #expect(answer["error"]?["code"] == 403, "\(answer)")
      try await net.node.line(containing: "request refused", "peer=client-1", from: log)
      // Nobody got it: neither our service nor the third operator.
      #expect(net.peers.all("served", from: mark).isEmpty)
      #expect(net.peers.all("called", from: mark).isEmpty)
    }

    @Test func aStrangerMayCallNothing() async throws {
      let net = try Surroundings.ofSuite
      let log = net.node.lines.count
      let answer = try await net.call("own.echo", from: "stranger")
      #expect(
        answer["error"] == ["code": 403, "message": "Permission denied for method 'echo' and client 'stranger'"], "\(answer)")
      try await net.node.line(containing: "request refused", "peer=stranger", from: log)
    }

    @Test func aForgedClientIsReplacedByWhoItIs() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      let forged: JSONValue = ["name": "own", "entry": ["name": "own", "groups": ["everybody"], "channels": []]]
      #expect(try await net.call("own.echo", from: "client-1", ["params": ["_client": forged]])["result"] != nil)
      let client = try await net.peers.event("served", from: mark)["params"]?["_client"]
      #expect(client?["name"] == "client-1")
      #expect(client?["entry"]?["name"] == "client-1")
      #expect(client?["entry"]?["groups"] == ["callers"])
    }

    @Test func aForgedClientOfALocalProgramIsReplacedToo() async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      #expect(try await net.submit("own.echo", ["_client": ["name": "client-1"]])["result"] != nil)
      #expect(try await net.peers.event("served", from: mark)["params"]?["_client"]?["name"] == "own")
    }

    @Test(arguments: ["client-2", "own", "nobody"]) func aCallInAForeignNameIsRefused(_ name: String) async throws {
      let net = try Surroundings.ofSuite
      let log = net.node.lines.count
      let answer = try await net.call("own.echo", from: "client-1", ["client": .string(name)])
      #expect(answer["status"] == "UNKNOWN")
      #expect(answer.text("details") == "client name \"\(name)\" is not a verified name of this connection")
      try await net.node.line(containing: "call refused", "peer=client-1", name, from: log)
    }

    /// One certificate with three names: two operators pin it, and the third one's pin is another.
    @Test(arguments: [("first-name", "first-name"), ("second-name", "second-name"), ("", "first-name")])
    func everyPinnedNameOfACertificateMayBeSpokenFor(_ name: String, _ meant: String) async throws {
      let net = try Surroundings.ofSuite
      let mark = net.peers.mark
      #expect(try await net.call("own.echo", from: "two-names", ["client": .string(name)])["result"] != nil)
      #expect(try await net.peers.event("served", from: mark)["params"]?["_client"]?.text("name") == meant)
    }

    @Test func aNameThatIsPinnedToAnotherCertificateMayNotBeSpokenFor() async throws {
      let net = try Surroundings.ofSuite
      #expect(try await net.call("own.echo", from: "two-names", ["client": "client-1"])["status"] == "UNKNOWN")
    }

    struct Noise: Sendable, CustomTestStringConvertible {
      let what: String
      let order: [String: JSONValue]
      let status: String
      var testDescription: String { what }
    }

    static let noise = [
      Noise(what: "bytes that are no message", order: ["raw": "ffffffff"], status: "UNKNOWN"),
      Noise(what: "a text that is not UTF-8", order: ["raw": "0a02c328"], status: "UNKNOWN"),
      Noise(what: "a message of 5 MiB", order: ["raw": .integer(5 << 20)], status: "RESOURCE_EXHAUSTED"),
      Noise(what: "an id that is no address", order: ["addressed": "nonsense"], status: "UNKNOWN"),
      Noise(what: "an empty message", order: ["raw": ""], status: "UNKNOWN"),
    ]

    @Test(arguments: noise) func noiseIsRefusedAndLoggedWithThePeersName(_ noise: Noise) async throws {
      let net = try Surroundings.ofSuite
      let log = net.node.lines.count
      let answer = try await net.call("own.echo", from: "client-2", noise.order)
      #expect(answer.text("status") == noise.status, "\(answer)")
      try await net.node.line(containing: "refused", "peer=client-2", from: log)
      #expect(try await net.call("own.echo", from: "client-2")["result"] != nil)
    }

    @Test func aMethodThatIsNotOursIsUnimplemented() async throws {
      let net = try Surroundings.ofSuite
      #expect(try await net.call("own.echo", from: "client-2", ["path": "/Hyper/Other"])["status"] == "UNIMPLEMENTED")
    }

    /// Answers over a stream: of the caller that waits for it, that is all.
    @Test(arguments: [("noise", "ffffff"), ("5 MiB", .integer(5 << 20))] as [(String, JSONValue)])
    func anAnswerThatCannotBeReadFailsItsCallAloneAndIsLogged(_ what: String, _ raw: JSONValue) async throws {
      let net = try Surroundings.ofSuite
      try await net.open("good \(what)", from: "client-3")
      try await net.open("bad \(what)", from: "client-4", ["raw_answers": raw])
      let log = net.node.lines.count
      async let bad = net.submit("client-4.echo")
      async let good = net.submit("client-3.echo")
      #expect(try await good["result"] != nil)
      let answer = try await bad
      #expect(answer["error"]?["code"] == 500, "\(answer)")
      try await net.node.line(containing: "peer=client-4", from: log)
      #expect(try await net.submit("client-3.echo")["result"] != nil)
      for key in ["good \(what)", "bad \(what)"] { try await net.peers.order("close", ["key": .string(key)]) }
    }

    /// Nobody else notices: calls run all the time while peers try everything above.
    @Test func nothingOfThisDisturbsTheOthers() async throws {
      let net = try Surroundings.ofSuite
      try await net.open("calm", from: "client-8")
      async let calls = net.peers.order(
        "steadily", ["socket": "run/own.sock", "methods": ["client-8.echo", "server-calls.echo", "own.echo"], "until": "noise.done"])
      for attempt in Attempt.allCases {
        _ = try await net.call(attempt.request.method, from: "client-1", ["addressed": .string(attempt.request.id)])
      }
      for noise in Self.noise { _ = try await net.call("own.echo", from: "client-2", noise.order) }
      for certificate in ["client-1-unpinned", "foreigner"] { _ = try await net.call("own.echo", from: certificate) }
      try net.network.finish("noise.done")
      let done = try await calls
      #expect(done["failed"] == 0, "\(done)")
      #expect((done["answered"]?.integer ?? 0) > 0)
      #expect(net.node.isRunning)
      try await net.peers.order("close", ["key": "calm"])
    }
  }
}
