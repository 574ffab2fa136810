import Foundation
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// What no log may hold, whatever the level: the addresses of clients, and tokens. Looked for in every line of all programs.
  @Suite struct PrivacyTests {
    private static let address = "127.0.0.77"

    @Test func noLogHoldsAClientsAddressOrAToken() async throws {
      try await Stack.prepared(
        [
          .append(
            .publicProxy,
            """
              accept_timeout: 8
              tcp_rate_limits: [{type: hour, limit: 40}]
              name_rate_limits: [{type: hour, limit: 20}]
              relay:
                token_timeout: 3
                hello_timeout: 8

            """)
        ], nodeLevel: "debug", proxyLevel: "debug"
      ) { stack in
        for program in stack.all { try await program.start() }
        try await stack.ready()
        try await stack.answers()
        // Served; refused for its name and, beside what follows, for its silence.
        #expect(try await stack.curl("--interface", Self.address).text == Stack.success)
        _ = try await stack.client("flood", "--source", Self.address, "--count", "2", "--name", "nobody.example")
        async let silent = stack.client("flood", "--source", Self.address, "--count", "1", "--name", "-")
        // In vain, and too many of the name and of the source. Not a clean stop, of which the public proxy would be told.
        try await stack.privateProxy.crash()
        let seen = try await stack.client(
          "tokens", "--token-port", "\(stack.ports.tokens)", "--socket", "run/private-proxy-1.sock")
        _ = try await stack.client("flood", "--source", Self.address, "--count", "60")
        let secrets = try #require(seen["secrets"]?.array).compactMap(\.string)
        #expect(secrets.count == 4)
        try await stack.publicProxy.line(containing: "stream refused", "cause=waited_too_long")
        _ = try await silent
        try await stack.publicProxy.line(containing: "stream refused", "cause=hello_timeout")
        for program in stack.all.reversed() where program.isRunning { _ = try await program.stop() }

        let lines = stack.all.flatMap { program in program.lines.map { "\(program.name): \($0)" } }
        #expect(lines.count > 100)
        #expect(lines.filter { $0.contains(Self.address) } == [])
        #expect(lines.filter { line in secrets.contains { line.contains($0) } } == [])
        for what in ["stream ended", "cause=unknown_name", "cause=too_often", "limit=tcp_rate_limits", "proxy: hello "] {
          #expect(lines.contains { $0.contains(what) && $0.contains("client=127.0.0.0/24") }, "\(what)")
        }
      }
    }
  }
}
