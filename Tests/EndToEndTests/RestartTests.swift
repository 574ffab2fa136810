import Foundation
import Subprocess
import Testing

extension EndToEnd {
  /// Each program is killed and started again; the others stay and nobody calls anything.
  @Suite("restarts", .stack()) struct RestartTests {
    enum Killed: String, CaseIterable, CustomTestStringConvertible {
      case internalServer = "internal server"
      case publicProxy = "public proxy"
      case privateProxy = "private proxy"
      case publicNode = "public node"
      case privateNode = "private node"

      var testDescription: String { rawValue }
    }

    /// The promise is 2 s. Measured here with unoptimised programs beside a test run, hence the room.
    static let healingLimit: Duration = .seconds(10)

    @Test(arguments: Killed.allCases) func theDemoHealsByItselfAfterAKillAndARestart(_ killed: Killed) async throws {
      let stack = try Stack.ofSuite
      let program = try #require(stack.all.first { $0.name == killed.rawValue })
      try await program.restart()
      let time = try await stack.answers(within: Self.healingLimit)
      print("\(killed.rawValue) killed and restarted: good answer \(time) after its ready line")
    }

    @Test func theDemoHealsByItselfWhenAllAreKilledAndRestarted() async throws {
      let stack = try Stack.ofSuite
      for program in stack.all { try await program.crash() }
      for program in stack.all.reversed() { try await program.start() }
      try await stack.ready()
      try await stack.answers(within: Self.healingLimit)
    }

    /// However long the others have waited, their waits between attempts stay at a second: 2 s are promised, the rest is room for a busy machine.
    @Test func aPublicProxyThatComesLongAfterTheOthersIsAnnouncedToSoon() async throws {
      try await Stack.prepared(nodeLevel: "debug") { stack in
        for program in stack.all where program !== stack.publicProxy { try await program.start() }
        var seen = 0
        for _ in 0..<7 {
          try await stack.publicNode.line(containing: "delivery failed", from: seen)
          let next = stack.publicNode.lines.dropFirst(seen).firstIndex { $0.contains("delivery failed") }
          seen = try #require(next) + 1
        }
        try await stack.publicProxy.start()
        try await stack.publicProxy.line(containing: "listening")
        let start = ContinuousClock.now
        try await stack.ready()
        let time = ContinuousClock.now - start
        print("public proxy started late: all ready after \(time)")
        #expect(time < .seconds(3.5), "the waits have grown too long")
        #expect(try await stack.curl().text == Stack.success)
      }
    }

    @Test func losingAndRegainingTheLinkBetweenTheNodesIsLoggedOnceEach() async throws {
      let stack = try Stack.ofSuite
      let mark = stack.privateNode.lines.count
      try await stack.publicNode.restart()
      try await stack.privateNode.line(containing: "link up", "peer=public-proxy-1", from: mark)
      let changes = stack.privateNode.lines.dropFirst(mark).filter { $0.contains(": link ") }
      #expect(changes.count == 2, "\(changes)")
      #expect(changes.first?.contains("link down") == true, "\(changes)")
      try await stack.answers(within: Self.healingLimit)
    }

    @Test func thePublicProxyKnowsItsAnnouncementsAfterARestartBeforeAnybodyAnnouncesAgain() async throws {
      let stack = try Stack.ofSuite
      stack.privateProxy.send(SIGSTOP)
      defer { stack.privateProxy.send(SIGCONT) }
      try await stack.publicProxy.restart()
      try await stack.publicProxy.line(containing: "listening", "announcements=1")
      stack.privateProxy.send(SIGCONT)
      try await stack.answers(within: Self.healingLimit)
    }
  }
}
