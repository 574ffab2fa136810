import HyperModel
import Testing

extension EndToEnd {
  /// Announcing by call, through the Unix socket of the private node.
  @Suite("announcements", .stack()) struct AnnouncementTests {
    private static let node = "private-proxy-hyper-1.sock"
    private static let name = "two.internal-server.local"

    @Test func aNameAnnouncedByCallIsServedAndWithdrawnAgain() async throws {
      let stack = try Stack.ofSuite
      let announced = try await Self.announce(["domain": .string(Self.name), "proxy": "public-proxy-1"], at: stack)
      #expect(announced["result"] == "ok", "\(announced)")
      let output = try await stack.curl(name: Self.name)
      #expect(output.text == Stack.success, "\(output.errors)")

      let here = try await stack.call("private-proxy-1.getAnnouncements", at: Self.node)
      #expect(Self.domains(here) == [Stack.serverName, Self.name], "\(here)")
      #expect(here["result"]?.array?.first?["proxy"] == "public-proxy-1")
      let there = try await stack.call("public-proxy-1.getAnnouncements", at: Self.node)
      #expect(Self.domains(there) == [Stack.serverName, Self.name], "\(there)")
      #expect(there["result"]?.array?.first?["operator"] == "private-proxy-1")

      try await stack.privateProxy.restart()
      #expect(Self.domains(try await stack.call("private-proxy-1.getAnnouncements", at: Self.node)) == [Stack.serverName, Self.name])

      let past: JSONValue = ["domain": .string(Self.name), "proxy": "public-proxy-1", "expires_at": "2001-01-01T00:00:00Z"]
      let withdrawn = try await Self.announce(past, at: stack)
      #expect(withdrawn["result"] == "ok", "\(withdrawn)")
      #expect(Self.domains(try await stack.call("public-proxy-1.getAnnouncements", at: Self.node)) == [Stack.serverName])
      #expect(try await stack.client("hello", "--name", Self.name)["alert"] == 112)
    }

    @Test(arguments: ["two.example.org", "internal-server.local"])
    func aNameThatTheDirectoryDoesNotAllowIsRefusedInWords(_ domain: String) async throws {
      let answer = try await Self.announce(["domain": .string(domain), "proxy": "public-proxy-1"], at: Stack.ofSuite)
      #expect(answer["error"]?["code"] == 403, "\(answer)")
      let message = answer["error"]?["message"]?.string ?? ""
      #expect(message.contains(domain) && message.contains(".internal-server.local"), "\(answer)")
    }

    @Test func aNameIsNotAnnouncedToThePrivateProxyItself() async throws {
      let answer = try await Self.announce(["domain": .string(Self.name), "proxy": "private-proxy-1"], at: Stack.ofSuite)
      #expect(answer["error"]?["code"] == 400, "\(answer)")
    }

    @Test func aMethodThatDoesNotExistIsAnError() async throws {
      let answer = try await Stack.ofSuite.call("private-proxy-1.noSuchMethod", at: Self.node)
      #expect(answer["error"]?["code"] == -32601, "\(answer)")
    }

    private static func announce(_ params: JSONValue, at stack: Stack) async throws -> JSONValue {
      try await stack.call("private-proxy-1.announceConnection", params, at: node)
    }

    private static func domains(_ answer: JSONValue) -> Set<String> {
      Set(answer["result"]?.array?.compactMap { $0["domain"]?.string } ?? [])
    }
  }
}
