import Foundation
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// Somebody behind the public proxy is away: the client is told so instead of being left to hang. And what strangers do at the token port
  /// touches nobody.
  ///
  /// Both times are long for what has to be done in them: a busy machine may take seconds.
  @Suite("faults", .stack(.append(.publicProxy, "  accept_timeout: 8\n  relay:\n    token_timeout: 3\n"))) struct FaultTests {
    /// Who is away, and how it is brought about.
    enum Away: String, CaseIterable, CustomTestStringConvertible {
      case internalServer = "the internal server is down"
      case privateProxy = "the private proxy is down"
      case privateNode = "the private node is down"
      case publicNode = "the public node is down"

      var testDescription: String { rawValue }

      func program(of stack: Stack) -> ProgramUnderTest {
        switch self {
        case .internalServer: stack.internalServer
        case .privateProxy: stack.privateProxy
        case .privateNode: stack.privateNode
        case .publicNode: stack.publicNode
        }
      }
    }

    @Test(arguments: Away.allCases) func theClientGetsAlert80AtOnce(_ away: Away) async throws {
      let stack = try Stack.ofSuite
      let program = away.program(of: stack)
      try await program.crash()
      let mark = stack.publicProxy.lines.count
      let seen = try await stack.client("hello")
      #expect(seen["alert"] == 80, "\(seen)")
      #expect(seen["end"] == "eof", "\(seen)")
      // Not when its time was over, which is later than any delay.
      #expect((seen["seconds"]?.seconds ?? 99) < 7.5, "\(seen)")
      let line = try await stack.publicProxy.line(containing: "stream ", "name=\(Stack.serverName)", from: mark)
      print("\(away.rawValue): \(line)")
      try await program.start()
      try await program.ready()
      try await stack.answers()
    }

    @Test func nobodyWhoComesWithoutTheRightTokenGetsAnythingOrDisturbsAnybody() async throws {
      let stack = try Stack.ofSuite
      // Not a clean stop, of which the public proxy would be told.
      try await stack.privateProxy.crash()
      let seen = try await stack.client(
        "tokens", "--token-port", "\(stack.ports.tokens)", "--socket", "run/private-proxy-1.sock")
      let notice: JSONValue = [
        "domain": .string(Stack.serverName), "endpoint": .string("localhost:\(stack.ports.tokens)"), "token_bytes": 32,
      ]
      #expect(seen["notice"] == notice)
      for what in ["wrong", "almost", "short_with_end", "short_and_silent", "repeated"] {
        #expect(seen[what]?["bytes"] == 0, "\(what): \(seen)")
        #expect(seen[what]?["untouched"] == true, "\(what): \(seen)")
      }
      #expect(seen["right_in_segments"] == ["is_hello_verbatim": true])
      #expect(seen["after_that"] == ["down": "down", "up": "up"])
      #expect(seen["late"]?["bytes"] == 0)
      #expect(seen["late"]?["client"]?["alert"] == 80, "\(seen)")
      try await stack.privateProxy.start()
      try await stack.privateProxy.ready()
      try await stack.answers()
    }
  }

  /// Somebody behind the public proxy is there, but does not move.
  @Suite("frozen programs", .stack(.append(.publicProxy, "  accept_timeout: 3\n"))) struct FrozenProgramTests {
    enum Stuck: String, CaseIterable, CustomTestStringConvertible {
      case privateProxy = "private proxy"
      case privateNode = "private node"
      case publicNode = "public node"

      var testDescription: String { rawValue }
    }

    @Test(arguments: Stuck.allCases) func aProgramThatDoesNotAnswerCostsTheClientTheAcceptTimeoutAndNoMore(_ stuck: Stuck) async throws {
      let stack = try Stack.ofSuite
      let program = try #require(stack.all.first { $0.name == stuck.rawValue })
      program.send(SIGSTOP)
      defer { program.send(SIGCONT) }
      let seen = try await stack.client("hello")
      #expect(seen["alert"] == 80, "\(seen)")
      #expect(seen["end"] == "eof", "\(seen)")
      // At least the two seconds that a connection may take, where none was kept. The upper bound leaves room for a busy machine; a client that
      // nobody ends waits for 30 s.
      #expect((1.9..<15).contains(seen["seconds"]?.seconds ?? 99), "\(seen)")
      program.send(SIGCONT)
      let time = try await stack.answers()
      print("\(stuck.rawValue) stopped and continued: good answer after \(time)")
    }
  }
}
