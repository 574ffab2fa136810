import Foundation
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// Who gets a connection: routes of the public proxy, announced wildcards, the fallback, and the private proxy's own endpoints.
  ///
  /// The one server of the stack stands for the right choice; a socket where nobody listens, and so alert 80, for another one.
  @Suite(
    "routing",
    .stack(
      .append(
        .publicProxy,
        """
          routes:
            - {domain: direct.internal-server.local, alpn: [http/1.1], address: "localhost:8888"}
            - {domain: direct.internal-server.local, address: "unix:run/nobody.sock"}
            - {domain: special.internal-server.local, alpn: [acme-tls/1], address: "localhost:8888"}
          fallback: {address: "localhost:8888"}

        """),
      .replace(
        .privateProxy, "  internal_endpoint:\n    address: \"localhost:8888\"\n",
        by: """
            internal_endpoints:
              - {domain: "*.internal-server.local", address: "localhost:8888"}
              - {domain: down.internal-server.local, address: "unix:run/nobody.sock"}
              - {domain: down.internal-server.local, alpn: [http/1.1], address: "localhost:8888"}

          """),
      .append(.privateProxy, "    - {domain: \"*.internal-server.local\", proxy: public-proxy-1}\n")))
  struct RoutingTests {
    private static let direct = "direct.internal-server.local"

    @Test func aRouteGoesToItsServerInOneHopAndByProtocol() async throws {
      let stack = try Stack.ofSuite
      let (publicLines, privateLines) = (stack.publicProxy.lines.count, stack.privateProxy.lines.count)
      #expect(try await stack.curl(name: Self.direct).text == Stack.success)
      try await stack.publicProxy.line(containing: "stream ended", "name=\(Self.direct)", from: publicLines)
      let other = try await stack.curl("--no-alpn", name: Self.direct)
      #expect(other.errors.contains("internal error"), "\(other.errors)")
      try await stack.publicProxy.line(
        containing: "stream refused", "cause=upstream_unreachable", "unix:run/nobody.sock", from: publicLines)
      let unfit = try await stack.curl(name: "special.internal-server.local")
      #expect(unfit.errors.contains("no application protocol"), "\(unfit.errors)")
      try await stack.publicProxy.line(containing: "stream refused", "cause=no_protocol", from: publicLines)
      #expect(!stack.privateProxy.lines.dropFirst(privateLines).contains { $0.contains("stream ") })
    }

    @Test func aWildcardInTheSettingsIsServedThroughBothProxies() async throws {
      let stack = try Stack.ofSuite
      let mark = stack.privateProxy.lines.count
      #expect(try await stack.curl(name: "any.internal-server.local").text == Stack.success)
      try await stack.privateProxy.line(containing: "stream ended", "name=any.internal-server.local", from: mark)
      // One label, no more: this one is nobody's, and the fallback's server has no certificate for it.
      let deeper = try await stack.curl("-k", name: "one.more.internal-server.local")
      #expect(deeper.text == Stack.success, "\(deeper.errors)")
      #expect(!stack.privateProxy.lines.dropFirst(mark).contains { $0.contains("one.more") })
    }

    @Test func thePrivateProxyChoosesByNameAndProtocolOutOfTheHello() async throws {
      let stack = try Stack.ofSuite
      let name = "down.internal-server.local"
      let mark = stack.privateProxy.lines.count
      #expect(try await stack.curl(name: name).text == Stack.success)
      let other = try await stack.curl("--no-alpn", name: name)
      #expect(other.errors.contains("internal error"), "\(other.errors)")
      try await stack.privateProxy.line(
        containing: "stream refused", "cause=upstream_unreachable", "name=\(name)", "unix:run/nobody.sock", from: mark)
    }

    @Test func anUnknownNameFallsBackAndAHeldOneDoesNot() async throws {
      let stack = try Stack.ofSuite
      let unknown = try await stack.curl("-k", name: "www.example.org")
      #expect(unknown.text == Stack.success, "\(unknown.errors)")
      #expect(try await stack.client("hello", "--name", "-")["alert"] == 109)
      try await stack.privateProxy.crash()
      #expect(try await stack.client("hello")["alert"] == 80)
      try await stack.privateProxy.start()
      try await stack.privateProxy.ready()
      try await stack.answers()
    }

    @Test func routesDoNotNeedTheNode() async throws {
      let stack = try Stack.ofSuite
      try await stack.publicNode.crash()
      #expect(try await stack.curl(name: Self.direct).text == Stack.success)
      try await stack.publicProxy.restartWithoutReady()
      try await stack.publicProxy.line(containing: "listening")
      #expect(try await stack.curl(name: Self.direct).text == Stack.success)
      try await stack.publicNode.start()
      try await stack.publicProxy.ready()
      try await stack.answers()
    }

    @Test func withoutANodeItIsAPlainProxyForServerNames() async throws {
      let stack = try Stack.ofSuite
      let port = try FreePorts.take(1)[0]
      let settings = """
        public:
          tls_bind_address: "127.0.0.1:\(port)"
          routes:
            - {domain: "*.internal-server.local", address: "localhost:\(stack.ports.internalServer)"}
        """
      try settings.write(toFile: "\(stack.folder)/plain.yml", atomically: false, encoding: .utf8)
      let plain = ProgramUnderTest(
        name: "plain proxy", executable: "\(Binaries.folder)/proxy", arguments: ["run", "public"],
        environment: ["PROXY_SETTINGS": "plain.yml"], workingDirectory: stack.folder)
      try await plain.start()
      try await plain.ready()
      #expect(try ListeningSockets(of: try #require(plain.pid)).tcp == [port])
      #expect(try await stack.curl(port: port).text == Stack.success)
      #expect(try await stack.client(["hello", "--name", "www.example.org"], port: port)["alert"] == 112)
      #expect(try await plain.stop() == .exited(0))
    }

    /// Last, because the refused announcement stays in the private proxy's store.
    @Test func aNameThatIsRoutedCannotBeAnnounced() async throws {
      let stack = try Stack.ofSuite
      let answer = try await stack.call(
        "private-proxy-1.announceConnection", ["domain": .string(Self.direct), "proxy": "public-proxy-1"], at: "private-proxy-hyper-1.sock")
      #expect(answer["error"]?["code"] == 409, "\(answer)")
      #expect(answer["error"]?["message"]?.string?.contains("routed by this proxy itself") == true, "\(answer)")
      #expect(try await stack.curl(name: Self.direct).text == Stack.success)
      try await stack.privateProxy.restartWithoutReady()
      try await stack.privateProxy.line(containing: "announcements not accepted", Self.direct, "409", "routed by this proxy itself")
    }
  }
}

extension ProgramUnderTest {
  /// Crashes it and starts it again.
  fileprivate func restartWithoutReady() async throws {
    try await crash()
    try await start()
  }
}
