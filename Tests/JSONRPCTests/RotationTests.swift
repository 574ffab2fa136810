import HyperModel
import NIOCore
import NIOSSL
import Operations
import Testing
import Trust

@testable import JSONRPC

/// Certificates and authorities are replaced while servers and clients are in use.
@Suite(.timeLimit(.minutes(5))) struct RotationTests {
  private func serverWith<T: Sendable>(
    _ trust: TrustSource, pins: Pins? = nil, _ body: (Int) async throws -> T
  ) async throws -> T {
    let server = JSONRPCServer(
      JSONRPCServerConfiguration(
        name: "test", address: .tcp(host: "127.0.0.1", port: 0), trust: trust, pins: pins, limits: patientServer),
      admit: { _ in nil }, logger: silent, metrics: MetricsRegistry(), handler: testHandler)
    guard case .tcp(_, let port) = try await server.bind() else { throw TestFailure("no port") }
    return try await serving({ try await server.run() }) { try await body(port) }
  }

  /// The fingerprint of the certificate that a server presents to a new connection.
  private func presented(_ port: Int, to credentials: Credentials) async throws -> String? {
    try await RawConnection.open(.tcp(host: "127.0.0.1", port: port), tls: credentials.clientConfiguration(alpn: ["http/1.1"])) {
      try await Self.peer(of: $0)
    }
  }

  private static func peer(of connection: RawConnection) async throws -> String? {
    // An answer means that the handshake is done.
    try await connection.send(post(call("echo")))
    _ = try await connection.readAnswer()
    let channel = connection.channel
    let certificate = try await channel.eventLoop.submit { try channel.pipeline.syncOperations.nioSSL_peerCertificate() }.get()
    return try certificate.map { try PeerIdentity(certificate: $0).fingerprint }
  }

  @Test func aConnectionInUseSurvivesAndANewOneSeesTheNewCertificate() async throws {
    let authority = try TestAuthority.shared.get()
    let caller = try authority.credentials("op-1")
    let (old, new) = (try authority.credentials("server"), try authority.credentials("server"))
    let trust = TrustSource(old)
    try await serverWith(trust) { port in
      try await RawConnection.open(
        .tcp(host: "127.0.0.1", port: port), tls: caller.clientConfiguration(alpn: ["http/1.1"])
      ) { connection in
        #expect(try await Self.peer(of: connection) == old.identity?.fingerprint)
        // In the middle of a request, too.
        let text = post(call("echo", id: "7"))
        try await connection.send(String(text.dropLast(5)))
        trust.replace(with: new)
        #expect(try await presented(port, to: caller) == new.identity?.fingerprint)
        try await connection.send(String(text.suffix(5)))
        #expect(try await connection.readAnswer()?.status == 200)
        #expect(try await Self.peer(of: connection) == old.identity?.fingerprint)
      }
    }
  }

  @Test func newAuthoritiesCountForNewConnections() async throws {
    let authority = try TestAuthority.shared.get()
    let stranger = try TestAuthority.stranger.get()
    let trust = TrustSource(try authority.credentials("server"))
    let caller = try stranger.credentials("op-1")
    let status = { (port: Int) in
      try await RawConnection.open(
        .tcp(host: "127.0.0.1", port: port), tls: caller.clientConfiguration(alpn: ["http/1.1"])
      ) { connection in
        try await connection.send(post(call("echo")))
        return try await connection.readAnswer()?.status
      }
    }
    try await serverWith(trust) { port in
      #expect(try await status(port) == 403)
      let both = try authority.issuer.issue(commonName: "server").credentials(
        trusting: [try authority.root.rootPEM, try stranger.root.rootPEM])
      trust.replace(with: both)
      #expect(try await status(port) == 200)
    }
  }

  @Test func aClientUsesItsNewCertificateFromTheNextCallOn() async throws {
    let authority = try TestAuthority.shared.get()
    let trust = TrustSource(try authority.credentials("op-1", dnsNames: ["op-1", "before"]))
    let metrics = MetricsRegistry()
    try await serverWith(TrustSource(try authority.credentials("server"))) { port in
      let client = try JSONRPCClient(
        JSONRPCClientConfiguration(
          endpoint: .https(host: "127.0.0.1", port: port, path: "/jsonrpc"), trust: trust, serverName: "server", limits: patient),
        logger: silent, metrics: metrics)
      for _ in 0..<3 {
        let outcome = try await client.call("whoami", params: [:])
        #expect(outcome == .result("certificate of op-1, before"))
      }
      trust.replace(with: try authority.credentials("op-1", dnsNames: ["op-1", "after"]))
      for _ in 0..<3 {
        let outcome = try await client.call("whoami", params: [:])
        #expect(outcome == .result("certificate of op-1, after"))
      }
      await client.shutdown()
    }
    // One for each certificate.
    #expect(metrics.counter("hyper_jsonrpc_client_connections_total", help: "", labels: ["endpoint": endpoint(metrics)]).value == 2)
  }

  /// The only endpoint that a registry knows connections of.
  private func endpoint(_ metrics: MetricsRegistry) -> String {
    let line = metrics.exposition().split(separator: "\n").first { $0.hasPrefix("hyper_jsonrpc_client_connections_total{") } ?? ""
    return String(line.split(separator: "\"").dropFirst().first ?? "")
  }

  @Test func noCallFailsWhileBothSidesRotateAgainAndAgain() async throws {
    let authority = try TestAuthority.shared.get()
    let stranger = try TestAuthority.stranger.get()
    let roots = [try authority.root.rootPEM, try stranger.root.rootPEM]
    let make = { (name: String, round: Int) throws -> Credentials in
      // Each side changes its authority with every round; both trust the two.
      let issuer = round.isMultiple(of: 2) ? authority.issuer : stranger.issuer
      return try issuer.issue(commonName: name).credentials(trusting: roots)
    }
    let (serverTrust, clientTrust) = (TrustSource(try make("server", 0)), TrustSource(try make("op-1", 0)))
    try await serverWith(serverTrust) { port in
      let client = try JSONRPCClient(
        JSONRPCClientConfiguration(
          endpoint: .https(host: "127.0.0.1", port: port, path: "/jsonrpc"), trust: clientTrust, serverName: "server", limits: patient),
        logger: silent, metrics: MetricsRegistry())
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            for number in 0..<50 {
              let outcome = try await client.call("echo", params: ["n": .integer(Int64(number))])
              #expect(outcome == .result(["n": .integer(Int64(number))]))
            }
          }
        }
        for round in 1...8 {
          serverTrust.replace(with: try make("server", round))
          clientTrust.replace(with: try make("op-1", round))
          await Task.yield()
        }
        try await group.waitForAll()
      }
      await client.shutdown()
    }
  }
}
