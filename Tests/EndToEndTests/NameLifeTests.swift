import Foundation
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// The life of a name: given up, offline, forgotten by its store, and back.
  @Suite("life of names", .stack(.append(.privateProxy, "  health: {interval: 0.5, fall: 2, rise: 1}\n"))) struct NameLifeTests {
    private static let node = "private-proxy-hyper-1.sock"
    private static let name = "two.internal-server.local"

    private static func names(at stack: Stack) async throws -> [String: JSONValue] {
      let answer = try await stack.call("public-proxy-1.getAnnouncements", at: node)
      let list = try #require(answer["result"]?.array, "\(answer)")
      return Dictionary(list.map { ($0["domain"]?.string ?? "", $0) }) { first, _ in first }
    }

    @Test func aNameThatIsWithdrawnIsFreeAtOnce() async throws {
      let stack = try Stack.ofSuite
      let params: JSONValue = ["domain": .string(Self.name), "proxy": "public-proxy-1"]
      #expect(try await stack.call("private-proxy-1.announceConnection", params, at: Self.node)["result"] == "ok")
      #expect(try await stack.curl(name: Self.name).text == Stack.success)
      #expect(try await stack.call("private-proxy-1.withdrawConnection", params, at: Self.node)["result"] == "ok")
      #expect(try await stack.client("hello", "--name", Self.name)["alert"] == 112)
      #expect(try await Self.names(at: stack).keys.sorted() == [Stack.serverName])
      // Many at once, each with its own answer.
      let both: JSONValue = ["connections": [params, ["domain": .string(Stack.serverName), "proxy": "public-proxy-1"], ["domain": "x"]]]
      let answers = try await stack.call("private-proxy-1.withdrawConnections", both, at: Self.node)
      #expect(answers["result"]?.array?.map { $0["code"]?.integer } == [nil, 409, -32602], "\(answers)")
    }

    @Test(arguments: ["2001-01-01T00:00:00", "9999-01-01T00:00:00Z"]) func anExpiryThatCannotBeIsRefusedInWords(_ expiry: String)
      async throws
    {
      let params: JSONValue = ["domain": .string(Self.name), "proxy": "public-proxy-1", "expires_at": .string(expiry)]
      let answer = try await Stack.ofSuite.call("private-proxy-1.announceConnection", params, at: Self.node)
      #expect([400, -32602].contains(answer["error"]?["code"]?.integer), "\(answer)")
      print("\(answer)")
    }

    @Test func afterACleanStopTheNameIsOwnedAndItsClientsAreToldSo() async throws {
      let stack = try Stack.ofSuite
      let mark = stack.publicProxy.lines.count
      _ = try await stack.privateProxy.stop()
      try await stack.publicProxy.line(containing: "private side stops", from: mark)
      let seen = try await stack.client("hello")
      #expect(seen["alert"] == 80, "\(seen)")
      let entry = try await Self.names(at: stack)[Stack.serverName]
      #expect(entry?["connected"] == false && entry?["operator"] == "private-proxy-1", "\(String(describing: entry))")
      try await stack.privateProxy.start()
      try await stack.privateProxy.ready()
      try await stack.answers()
      #expect(try await Self.names(at: stack)[Stack.serverName]?["connected"] == true)
    }

    @Test func anInternalServerThatDiesTakesItsNamesOfflineUntilItIsBack() async throws {
      let stack = try Stack.ofSuite
      let mark = stack.publicProxy.lines.count
      try await stack.internalServer.crash()
      try await stack.privateProxy.line(containing: "internal server down")
      try await stack.publicProxy.line(containing: "offline", "domain=\(Stack.serverName)", from: mark)
      let seen = try await stack.client("hello")
      #expect(seen["alert"] == 80, "\(seen)")
      // Because it is known, not because somebody did not answer in time.
      try await stack.publicProxy.line(
        containing: "stream refused", "cause=private_side_away", "its private side says that it is down", from: mark)
      #expect(try await Self.names(at: stack)[Stack.serverName]?["offline"] == true)
      try await stack.internalServer.start()
      try await stack.publicProxy.line(containing: "online", "domain=\(Stack.serverName)", from: mark)
      try await stack.answers()
    }

    @Test func aPublicProxyThatLostItsStoreAsksAndKnowsAgain() async throws {
      let stack = try Stack.ofSuite
      try await stack.publicProxy.crash()
      for suffix in ["", "-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: "\(stack.folder)/run/public-proxy-1.sqlite\(suffix)")  // not all of them are there
      }
      try await stack.publicProxy.start()
      try await stack.publicProxy.line(containing: "listening", "announcements=0")
      let start = ContinuousClock.now
      // Not by the repetition, which comes after 24 s or later.
      try await stack.publicProxy.line(containing: "announced", "domain=\(Stack.serverName)", within: .seconds(22))
      print("store lost: announced again after \(ContinuousClock.now - start)")
      try await stack.answers()
    }
  }

  /// The same with the other stores.
  @Suite("stores") struct StoreTests {
    @Test(arguments: ["file", "memory"]) func theDemoHealsByItselfWithEveryStore(_ type: String) async throws {
      let changes = [SettingsFile.publicProxy, .privateProxy].map { SettingsChange.replace($0, "type: sqlite", by: "type: \(type)") }
      try await Stack.run(changes) { stack in
        try await stack.answers()
        for program in [stack.publicProxy, stack.privateProxy] {
          try await program.restart()
          try await stack.answers()
        }
      }
    }
  }
}
