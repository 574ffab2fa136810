import Foundation
import HyperModel
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

    /// The promise is 2 s, which tools/chaos measures. Here unoptimised programs run on a busy machine, so the time is printed and has
    /// to be less than what heals all by itself: private proxies announce again every 24 s or later.
    static let healingLimit: Duration = .seconds(20)

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
      let time = try await stack.answers(within: Self.healingLimit)
      print("all killed and restarted: good answer \(time) after the last ready line")
    }

    /// However long the others have waited, their waits between attempts stay at a second.
    @Test func aPublicProxyThatComesLongAfterTheOthersIsAnnouncedToSoon() async throws {
      try await Stack.prepared(nodeLevel: "debug") { stack in
        for program in stack.all where program !== stack.publicProxy { try await program.start() }
        var seen = 0
        var attempts: [String] = []
        for _ in 0..<9 {
          attempts.append(try await stack.publicNode.line(containing: "delivery failed", from: seen))
          let next = stack.publicNode.lines.dropFirst(seen).firstIndex { $0.contains("delivery failed") }
          seen = try #require(next) + 1
        }
        // By their times in the log. Waits that went on doubling would all be longer than 2.5 s by now; on a busy machine some attempt may
        // take long, but not each of four.
        let times = try attempts.map { line in try #require(RFC3339.parse(String(line.prefix { $0 != " " })), "\(line)") }
        let pauses = zip(times, times.dropFirst()).map { $1.timeIntervalSince($0) }
        let shortest = try #require(pauses.suffix(4).min())
        #expect(shortest < 2.5, "the waits have grown too long: \(pauses)")
        try await stack.publicProxy.start()
        try await stack.publicProxy.line(containing: "listening")
        let start = ContinuousClock.now
        try await stack.ready()
        print("public proxy started late: all ready after \(ContinuousClock.now - start)")
        #expect(try await stack.curl().text == Stack.success)
      }
    }

    @Test func losingAndRegainingTheLinkBetweenTheNodesIsLoggedOnceEach() async throws {
      let stack = try Stack.ofSuite
      let mark = stack.privateNode.lines.count
      try await stack.publicNode.restart()
      try await stack.privateNode.line(containing: "link up", "peer=public-proxy-1", from: mark)
      let changes = stack.privateNode.lines.dropFirst(mark).filter { $0.contains(": link ") }
      let downs = changes.dropLast()
      #expect(!downs.isEmpty && downs.allSatisfy { $0.contains(": link down") }, "\(changes)")
      #expect(changes.last?.contains(": link up") == true, "\(changes)")
      // Another reason is worth another line: a node that has its port and is slow to answer is not one that is away.
      let reasons = downs.map { $0.components(separatedBy: " reason=").last }
      #expect(zip(reasons, reasons.dropFirst()).allSatisfy { $0 != $1 }, "\(changes)")
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
