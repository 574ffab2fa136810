import Foundation
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// Bytes arrive as they were sent, however many there are and whoever ends first.
  ///
  /// Several loops at both proxies, so that a token is often presented to another loop than the one whose client waits.
  @Suite(
    "transfers", .stack(.append(.publicProxy, "  relay:\n    loops: 3\n"), .append(.privateProxy, "  relay:\n    loops: 2\n")))
  struct TransferTests {
    static let size = 64 << 20
    /// SHA-256 of the first bytes of what `internal-server` generates, computed by a program of a few lines in another language.
    static let digestOf64MiB = "f5e8680f74b9da6bb580ca3d65d63c6194e543ab3319d555ca4fad00b220dbfa"
    static let digestOf4MiB = "e42e252c16272bae2a92cbb5867b188cd06d4bfbcada66b8114d3c9b4e8b0eb7"

    @Test func sixtyFourMebibytesArriveAtTheInternalServer() async throws {
      let seen = try await Stack.ofSuite.client("upload", "--size", "\(Self.size)")
      #expect(seen["status"] == 200)
      #expect(seen["bytes"] == .integer(Int64(Self.size)))
      #expect(seen["sha256"] == seen["sent"])
    }

    @Test func sixtyFourMebibytesArriveAtTheClient() async throws {
      let seen = try await Stack.ofSuite.client("download", "--size", "\(Self.size)")
      let expected: JSONValue = ["status": 200, "bytes": .integer(Int64(Self.size)), "sha256": .string(Self.digestOf64MiB)]
      #expect(seen == expected)
    }

    @Test func aClientThatEndsItsDirectionStillGetsTheWholeAnswer() async throws {
      let seen = try await Stack.ofSuite.client("half-close-tls", "--size", "\(4 << 20)")
      let expected: JSONValue = ["status": 200, "bytes": .integer(4 << 20), "sha256": .string(Self.digestOf4MiB)]
      #expect(seen == expected)
    }

    /// The relay looks at the hello alone, so that any server will do behind it: this one answers only when the client has ended.
    @Test func theEndOfTheClientsDirectionReachesTheServerAndNothingBehindItIsLost() async throws {
      let stack = try Stack.ofSuite
      _ = try await stack.internalServer.stop()
      let server = try await stack.peer("answer-after-end", port: stack.ports.internalServer)
      try await server.start()
      do {
        try await server.line(containing: "ready")
        let seen = try await stack.client("half-close", "--size", "\(4 << 20)")
        #expect(seen["arrived"] == seen["sent"])
        #expect(seen["back"] == seen["expected"])
        #expect(seen["end"] == "eof")
      } catch {
        try await server.crash()
        throw error
      }
      try await server.crash()
      try await stack.internalServer.start()
      try await stack.internalServer.ready()
      try await stack.answers()
    }

    @Test func aHundredConnectionsAtOnceAreAllAnswered() async throws {
      let seen = try await Stack.ofSuite.client("parallel", "--count", "100")
      #expect(seen == ["good": 100, "bad": []])
    }

    /// The README's stress line, shorter; `xargs -P` stands in for GNU parallel. Every body is another one.
    @Test func aBurstOfRequestsIsAnsweredWithEachOnesOwnBody() async throws {
      let stack = try Stack.ofSuite
      let count = 400
      let folder = "\(stack.folder)/burst"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let curl = """
        seq 1 \(count) | xargs -P 25 -I N curl -fsS --max-time 60 --cacert \(stack.root) \
        --resolve \(Stack.serverName):\(stack.ports.tls):127.0.0.1 https://\(Stack.serverName):\(stack.ports.tls)/jsonrpc \
        --data '{"n":N}' -o \(folder)/N
        """
      let output = try await Output.of("bash", ["-o", "pipefail", "-c", curl], within: .seconds(150))
      #expect(output.status == .exited(0), "\(output.errors.suffix(2000))")
      for number in 1...count {
        #expect(try String(contentsOfFile: "\(folder)/\(number)", encoding: .utf8) == "{\"n\":\(number)}")
      }
    }
  }
}
