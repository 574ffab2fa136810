import Foundation
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// The internal server learns who the client is: by an independent parser, HAProxy and nginx as receivers of the PROXY header.
  @Suite("the client's address") struct ClientAddressTests {
    private static func hasTool(_ name: String) -> Bool {
      ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
      }
    }

    private static func path(of tool: String) async throws -> String {
      try await Output.of("sh", ["-c", "PATH=$PATH:/usr/sbin:/usr/local/sbin; printf %s \"$(command -v \(tool))\""]).text
    }

    /// A stack whose private proxy sends everything to this port, with a header.
    private static func run(
      _ version: String, port: Int, endpoints: Bool = false, _ test: (Stack) async throws -> Void
    ) async throws {
      let settings =
        endpoints
        ? "  internal_endpoints:\n    - {domain: \"*.internal-server.local\", address: \"127.0.0.1:\(port)\", proxy_protocol: \(version)}\n"
        : "  internal_endpoint:\n    address: \"127.0.0.1:\(port)\"\n    proxy_protocol: \(version)\n"
      let change = SettingsChange.replace(.privateProxy, "  internal_endpoint:\n    address: \"localhost:8888\"\n", by: settings)
      let health = SettingsChange.append(.privateProxy, "  health: {interval: 0.2, fall: 1, rise: 1}\n")
      try await Stack.run([change, health], test)
    }

    private static func stop(_ program: ProgramUnderTest) async {
      program.send(SIGKILL)
      _ = try? await program.ended()  // how a killed program ended says nothing
    }

    @Test(arguments: ["v1", "v2"], [false, true]) func anIndependentParserUnderstandsTheHeader(_ version: String, endpoints: Bool)
      async throws
    {
      let port = try FreePorts.take(1)[0]
      try await Self.run(version, port: port, endpoints: endpoints) { stack in
        let parser = "\(Repository.folder)/Tests/ProxyProtocolTests/peer/parse_header.py"
        let receiver = try await stack.peer("receiver", "--parser", parser, port: port)
        try await stack.startReceiver(receiver)
        let client = try await stack.client("from")
        let line = try await receiver.line(containing: "header ")
        await Self.stop(receiver)
        let header = try JSONValue(parsing: String(line.drop { $0 != "{" }))
        #expect(header["hello"] == true, "\(line)")
        #expect(header["command"] == "PROXY" && header["family"] == "TCP4", "\(line)")
        #expect(header["source"] == "127.0.0.1" && header["source_port"] == client["port"], "\(line) \(client)")
        guard version == "v2" else { return }
        func text(_ type: String) -> String? {
          guard let digits = header["tlv"]?[type]?.string else { return nil }
          let bytes = stride(from: 0, to: digits.utf8.count, by: 2).compactMap { UInt8(digits.dropFirst($0).prefix(2), radix: 16) }
          return String(decoding: bytes, as: UTF8.self)
        }
        #expect(text("2") == Stack.serverName, "\(line)")
        #expect(header["tlv"]?["3"] != nil, "\(line)")
        let stream = try #require(text("5"))
        try await stack.publicProxy.line(containing: "stream ended", "stream=\(stream) ")
      }
    }

    @Test(.enabled(if: hasTool("haproxy"), "needs haproxy"), arguments: ["v1", "v2"])
    func haproxySeesTheClient(_ version: String) async throws {
      let port = try FreePorts.take(1)[0]
      try await Self.run(version, port: port) { stack in
        let names = version == "v2" ? " authority=%[fc_pp_authority] id=%[fc_pp_unique_id]" : ""
        let configuration = """
          global
            log stderr format raw local0
          defaults
            mode tcp
            timeout connect 10s
            timeout client 30s
            timeout server 30s
          frontend passed-on
            bind 127.0.0.1:\(port) accept-proxy
            log global
            log-format "seen %ci:%cp\(names)"
            default_backend server
          backend server
            server internal 127.0.0.1:\(stack.ports.internalServer)

          """
        try configuration.write(toFile: "\(stack.folder)/haproxy.cfg", atomically: false, encoding: .utf8)
        let haproxy = ProgramUnderTest(
          name: "haproxy", executable: try await Self.path(of: "haproxy"), arguments: ["-db", "-f", "haproxy.cfg"],
          workingDirectory: stack.folder)
        try await stack.startReceiver(haproxy)
        let output = try await stack.curl("-w", " %{local_port}")
        #expect(output.text.hasPrefix(Stack.success), "\(output.text)\(output.errors)")
        let clientPort = output.text.split(separator: " ").last ?? "?"
        let line = try await haproxy.line(containing: "seen 127.0.0.1:\(clientPort)")
        if version == "v2" { #expect(line.contains("authority=\(Stack.serverName) id=0-"), "\(line)") }
        await Self.stop(haproxy)
      }
    }

    @Test(.enabled(if: hasTool("nginx"), "needs nginx"), arguments: ["v1", "v2"])
    func nginxSeesTheClient(_ version: String) async throws {
      let port = try FreePorts.take(1)[0]
      try await Self.run(version, port: port) { stack in
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path run/nginx_\($0);" }
        let configuration = """
          daemon off;
          master_process off;
          pid run/nginx.pid;
          error_log stderr;
          events {}
          http {
            access_log off;
            \(folders.joined(separator: "\n  "))
            server {
              listen 127.0.0.1:\(port) ssl proxy_protocol;
              ssl_certificate \(stack.certificates)/internal-server.crt;
              ssl_certificate_key \(stack.certificates)/internal-server.key;
              location / { return 200 "$proxy_protocol_addr:$proxy_protocol_port"; }
            }
          }

          """
        try configuration.write(toFile: "\(stack.folder)/nginx.conf", atomically: false, encoding: .utf8)
        let nginx = ProgramUnderTest(
          name: "nginx", executable: try await Self.path(of: "nginx"), arguments: ["-p", stack.folder, "-c", "\(stack.folder)/nginx.conf"],
          workingDirectory: stack.folder)
        try await stack.startReceiver(nginx)
        let output = try await stack.curl("-w", " %{local_port}")
        let words = output.text.split(separator: " ")
        #expect(words.count == 2 && words[0] == "127.0.0.1:\(words[1])", "\(output.text)\(output.errors)")
        await Self.stop(nginx)
      }
    }
  }
}

extension Stack {
  /// Starts what stands behind the private proxy, which finds out that it was not there and then that it is; returns when the public proxy
  /// knows it as well. The private proxy looks often (`health`).
  fileprivate func startReceiver(_ receiver: ProgramUnderTest) async throws {
    try await privateProxy.line(containing: "internal server down")
    try await receiver.start()
    try await privateProxy.line(containing: "internal server up")
    try await publicProxy.line(containing: "online", "domain=\(Self.serverName)")
  }
}
