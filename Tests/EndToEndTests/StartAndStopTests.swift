import Foundation
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// Starting and stopping as a whole.
  @Suite("start and stop") struct StartAndStopTests {
    enum Order: String, CaseIterable, CustomTestStringConvertible {
      case readme = "as in the README"
      case reversed
      case privateSideFirst = "private side first"
      case nodesLast = "nodes last"

      var testDescription: String { rawValue }

      func programs(of stack: Stack) -> [ProgramUnderTest] {
        switch self {
        case .readme: stack.all
        case .reversed: stack.all.reversed()
        case .privateSideFirst: [stack.privateProxy, stack.privateNode, stack.internalServer, stack.publicProxy, stack.publicNode]
        case .nodesLast: [stack.publicProxy, stack.privateProxy, stack.internalServer, stack.privateNode, stack.publicNode]
        }
      }
    }

    /// Each program is up for a while, and finds nobody, before the next one comes.
    @Test(arguments: Order.allCases) func anyOrderOfStartsHealsByItselfAndStopsCleanly(_ order: Order) async throws {
      try await Stack.prepared { stack in
        for program in order.programs(of: stack) {
          try await program.start()
          try await program.line(containing: program === stack.internalServer ? "ready" : "listening")
        }
        let lastIsUp = ContinuousClock.now
        try await stack.ready()
        print("start order \(order.rawValue): all ready \(ContinuousClock.now - lastIsUp) after the last listened")
        #expect(try await stack.curl().text == Stack.success)
        try await Self.expectCleanStop(of: stack, with: SIGTERM)
      }
    }

    @Test func linesAreJSONWhenAskedFor() async throws {
      try await Stack.prepared { stack in
        let node = ProgramUnderTest(
          name: "node", executable: "\(Binaries.folder)/hyper", arguments: ["--format", "json", "--level", "debug", "server", "run"],
          environment: ["HYPER_SETTINGS": "settings/dev/roles/public-proxy-hyper-1"], workingDirectory: stack.folder)
        try await node.start()
        do {
          try await node.line(containing: #""message":"ready""#)
          #expect(try await node.stop() == .exited(0))
        } catch {
          try await node.crash()
          throw error
        }
        for line in node.lines {
          let value = try JSONValue(parsing: line)
          #expect(value["message"]?.string != nil && value["time"]?.string != nil && value["level"]?.string != nil, "\(line)")
        }
      }
    }

    @Test func theInternalServerSpeaksPlainHTTPWhenToldTo() async throws {
      try await Stack.prepared { stack in
        let server = ProgramUnderTest(
          name: "server", executable: "\(Binaries.folder)/internal-server", arguments: [],
          environment: ["USE_TLS": "0", "IS_BIND_ADDRESS": "localhost:\(stack.ports.internalServer)"], workingDirectory: stack.folder)
        try await server.start()
        do {
          try await server.ready()
          let output = try await Output.of("curl", ["-fsS", "--max-time", "10", "http://localhost:\(stack.ports.internalServer)/any"])
          #expect(output.text == Stack.success, "\(output.errors)")
          #expect(try await server.stop() == .exited(0))
        } catch {
          try await server.crash()
          throw error
        }
      }
    }

    @Test func anInterruptStopsAllFiveCleanly() async throws {
      try await Stack.run { stack in try await Self.expectCleanStop(of: stack, with: SIGINT) }
    }

    @Test func aClientThatStaysDoesNotKeepTheProgramsFromStoppingInTime() async throws {
      try await Stack.run { stack in
        let client = try await stack.peer("hold")
        try await client.start()
        do {
          try await client.line(containing: "ready")
          try await Self.expectCleanStop(of: stack, with: SIGTERM)
          #expect(try await client.ended() == .exited(0))
        } catch {
          try await client.crash()
          throw error
        }
      }
    }

    /// Every program ends with status 0. One that needs more than 5 s leaves with another.
    private static func expectCleanStop(of stack: Stack, with signal: Int32) async throws {
      for program in stack.all {
        let status = try await program.stop(with: signal)
        #expect(status == .exited(0), "\(program.name): \(program.lines.suffix(10).joined(separator: "\n"))")
      }
      #expect(!FileManager.default.fileExists(atPath: "\(stack.folder)/run/private-proxy-1.sock"), "a socket was left behind")
      #expect(!FileManager.default.fileExists(atPath: "\(stack.folder)/run/private-proxy-hyper-1.sock"), "a socket was left behind")
    }
  }
}
