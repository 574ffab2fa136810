import Foundation
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// What `make demo` and the README promise.
  @Suite("demo", .stack()) struct DemoTests {
    @Test func curlGetsTheAnswerOfAServerThatListensOnNothingPublic() async throws {
      let output = try await Stack.ofSuite.curl()
      #expect(output.status == .exited(0), "\(output.errors)")
      #expect(output.text == #"{"message":"success"}"#)
    }

    @Test func aPostedObjectComesBack() async throws {
      let output = try await Stack.ofSuite.curl("--data", "{}")
      #expect(output.text == "{}", "\(output.errors)")
    }

    @Test func aJSONRPCRequestIsAnsweredUnderItsID() async throws {
      let output = try await Stack.ofSuite.curl("--data", #"{"jsonrpc":"2.0","method":"test","params":{},"id":"7"}"#)
      let expected: JSONValue = ["jsonrpc": "2.0", "id": "7", "result": ["message": "success"]]
      #expect(try JSONValue(parsing: output.text) == expected, "\(output.errors)")
    }

    @Test func whatIsNoJSONGetsStatus400() async throws {
      let output = try await Stack.ofSuite.curl("--no-fail", "-w", " %{http_code}", "--data", "[1,")
      #expect(output.text.hasSuffix(" 400"), "\(output.text)\(output.errors)")
    }

    @Test func pythonSeesTheCertificateOfTheInternalServerOverTLS13() async throws {
      let stack = try Stack.ofSuite
      let seen = try await stack.client("request", "--certificate", "\(stack.certificates)/internal-server.crt")
      let expected: JSONValue = ["status": 200, "body": #"{"message":"success"}"#, "version": "TLSv1.3", "is_certificate_of_file": true]
      #expect(seen == expected)
    }

    @Test func everyProgramSaysOnceThatItIsReady() async throws {
      for program in try Stack.ofSuite.all {
        #expect(program.readyLines.count == 1, "\(program.name): \(program.lines)")
      }
    }

    @Test func thePrivateSideListensOnNoTCPPortAndTheOthersOnTheirsOnly() async throws {
      let stack = try Stack.ofSuite
      func sockets(_ program: ProgramUnderTest) throws -> ListeningSockets { try ListeningSockets(of: try #require(program.pid)) }
      let (internalServer, privateProxy, privateNode) = try (
        sockets(stack.internalServer), sockets(stack.privateProxy), sockets(stack.privateNode)
      )
      #expect(privateProxy.tcp == [])
      #expect(privateNode.tcp == [])
      #expect(privateProxy.unix == ["run/private-proxy-1.sock"])
      #expect(privateNode.unix == ["run/private-proxy-hyper-1.sock"])
      #expect(try sockets(stack.publicProxy).tcp == [stack.ports.tls, stack.ports.tokens, stack.ports.proxyRPC])
      #expect(try sockets(stack.publicNode).tcp == [stack.ports.grpc, stack.ports.nodeRPC])
      #expect(internalServer.tcp == [stack.ports.internalServer])
    }

    /// The cause is not always the same: a client that closes at once resets what the server still says, its goodbye.
    @Test func everyStreamLeavesOneLineAtBothProxies() async throws {
      let stack = try Stack.ofSuite
      let (publicLines, privateLines) = (stack.publicProxy.lines.count, stack.privateProxy.lines.count)
      #expect(try await stack.curl().text == Stack.success)
      let line = try await stack.publicProxy.line(containing: "stream ended", "name=\(Stack.serverName)", from: publicLines)
      for key in [
        "stream=", "cause=", "bytes_up=", "bytes_down=", "ms=", "fault=", "client=127.0.0.0/24", "tls=1.3", "hello_bytes=",
        "hello_segments=",
      ] {
        #expect(line.contains(key), "\(line)")
      }
      try await stack.privateProxy.line(containing: "stream ended", from: privateLines)
    }

    @Test func socketsAndTheirFolderAreForTheOwnerOnly() async throws {
      let stack = try Stack.ofSuite
      func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: "\(stack.folder)/\(path)")[.posixPermissions] as? Int)
      }
      #expect(try mode("run") == 0o700)
      #expect(try mode("run/private-proxy-1.sock") == 0o600)
      #expect(try mode("run/private-proxy-hyper-1.sock") == 0o600)
    }
  }
}
