import HyperModel
import Operations
import Testing
import Trust

@testable import JSONRPC

// One at a time: handshakes are slow in debug builds, and what is tested has time limits.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ClientIdentityTests {
  @Test func theOperatorNameIsVerifiedWhateverIsDialled() async throws {
    let authority = try TestAuthority.shared.get()
    let own = try authority.credentials("op-1")
    try await withTLSServer(try authority.credentials("hd-1")) { port in
      for host in ["127.0.0.1", "localhost"] {
        let client = try client(.https(host: host, port: port, path: "/jsonrpc"), own, serverName: "hd-1")
        #expect(try await client.call("whoami", params: [:]) == .result("certificate of op-1"))
        await client.shutdown()
      }
    }
  }

  @Test func anotherNameIsRefusedBeforeTheCallIsSent() async throws {
    let authority = try TestAuthority.shared.get()
    let own = try authority.credentials("op-1")
    let metrics = MetricsRegistry()
    try await withTLSServer(try authority.credentials("hd-1"), metrics: metrics) { port in
      let client = try client(.https(host: "127.0.0.1", port: port, path: "/jsonrpc"), own, serverName: "hd-2")
      let error = await failure(client)
      #expect(error?.kind == .refusedIdentity)
      #expect(error?.message.contains(#"is not for "hd-2": its DNS names are "hd-1""#) == true)
      #expect(error?.failureKind == .refused)
    }
    #expect(metrics.counter("hyper_jsonrpc_server_requests_total", help: "", labels: ["server": "test", "outcome": "answered"]).value == 0)
  }

  @Test func anAddressInTheCertificateIsNoName() async throws {
    let authority = try TestAuthority.shared.get()
    let issued = try authority.issuer.issue(CertificateRequest(commonName: "hd-1", ipAddresses: [[127, 0, 0, 1]]))
    try await withTLSServer(try issued.credentials()) { port in
      let client = try client(
        .https(host: "127.0.0.1", port: port, path: "/jsonrpc"), try authority.credentials("op-1"), serverName: "evil")
      #expect(await failure(client)?.kind == .refusedIdentity)
    }
  }

  @Test func anotherAuthorityIsRefused() async throws {
    let authority = try TestAuthority.shared.get()
    try await withTLSServer(try TestAuthority.stranger.get().credentials("hd-1")) { port in
      let client = try client(
        .https(host: "127.0.0.1", port: port, path: "/jsonrpc"), try authority.credentials("op-1"), serverName: "hd-1")
      let error = await failure(client)
      #expect(error?.kind == .refusedIdentity)
      #expect(error?.message.contains("does not chain to a trusted authority") == true)
      #expect(error?.hint?.contains("make certs") == true)
    }
  }

  @Test func theWrongPinIsRefusedAndTheRightOneTaken() async throws {
    let authority = try TestAuthority.shared.get()
    let own = try authority.credentials("op-1")
    let serverCredentials = try authority.credentials("hd-1")
    let fingerprint = try #require(serverCredentials.identity?.fingerprint)
    try await withTLSServer(serverCredentials) { port in
      let endpoint = JSONRPCClientConfiguration.Endpoint.https(host: "127.0.0.1", port: port, path: "/jsonrpc")
      let wrong = try client(endpoint, own, serverName: "hd-1", pins: { _ in ["00"] })
      let error = await failure(wrong)
      #expect(error?.kind == .refusedIdentity)
      #expect(error?.message.contains("not pinned in the directory") == true)
      let right = try client(endpoint, own, serverName: "hd-1", pins: { $0 == "hd-1" ? [fingerprint] : [] })
      #expect(await failure(right) == nil)
      await right.shutdown()
    }
  }

  @Test func aServerThatRefusesOurCertificateSaysWhy() async throws {
    let authority = try TestAuthority.shared.get()
    let stranger = try TestAuthority.stranger.get().issuer.issue(commonName: "op-1").credentials(trusting: [try authority.root.rootPEM])
    try await withTLSServer(try authority.credentials("hd-1")) { port in
      let client = try client(.https(host: "127.0.0.1", port: port, path: "/jsonrpc"), stranger, serverName: "hd-1")
      let error = await failure(client)
      #expect(error?.kind == .refusedIdentity)
      #expect(error?.message.contains("the server does not let us in: certificate of \"op-1\"") == true)
    }
  }

  @Test func oneHandshakeServesManyCalls() async throws {
    let authority = try TestAuthority.shared.get()
    let metrics = MetricsRegistry()
    try await withTLSServer(try authority.credentials("hd-1"), metrics: metrics) { port in
      let client = try client(
        .https(host: "127.0.0.1", port: port, path: "/jsonrpc"), try authority.credentials("op-1"), serverName: "hd-1")
      for _ in 0..<20 { #expect(await failure(client) == nil) }
      #expect(metrics.counter("hyper_http_connections_opened_total", help: "", labels: ["server": "test"]).value == 1)
      await client.shutdown()
    }
  }

  @Test func aServerThatSpeaksNoTLSIsNotTalkedTo() async throws {
    let authority = try TestAuthority.shared.get()
    try await FakeServer.with(.beSilent) { endpoint, _ in
      guard case .http(let host, let port, let path) = endpoint else { return }
      var limits = patient
      limits.dialTime = .milliseconds(300)
      let client = try client(
        .https(host: host, port: port, path: path), try authority.credentials("op-1"), serverName: "hd-1", limits: limits)
      let error = await failure(client)
      #expect(error?.kind == .unreachable)
      #expect(error?.message.hasSuffix("no connection in time") == true)
    }
  }

  @Test func anEndpointThatNamesNobodyIsAStartFailure() throws {
    let own = try TestAuthority.shared.get().credentials("op-1")
    #expect(throws: StartFailure.self) { try client(.https(host: "127.0.0.1", port: 1, path: "/"), own) }
    #expect(throws: StartFailure.self) { try client(.https(host: "::1", port: 1, path: "/"), own) }
    #expect(throws: StartFailure.self) { try client(.https(host: "hd-1", port: 1, path: "/")) }
    #expect(throws: Never.self) { try client(.https(host: "hd-1", port: 1, path: "/"), own) }
  }
}
