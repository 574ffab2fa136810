import HyperModel
import Logging
import NIOCore
import NIOSSL
import Operations
import Synchronization
import Testing
import Trust

import struct Foundation.Date

@testable import JSONRPC

private func tls(_ credentials: Credentials?) -> TLSConfiguration {
  credentials?.clientConfiguration(alpn: ["http/1.1"]) ?? .makeClientConfiguration()
}

/// What a client with this certificate gets from a server.
private func answer(_ port: Int, _ credentials: Credentials?) async throws -> String {
  try await RawConnection.open(.tcp(host: "127.0.0.1", port: port), tls: tls(credentials)) { connection in
    try await connection.send(post(call("whoami")))
    return try await connection.readAnswer().map { "\($0.status) \($0.body)" } ?? "closed"
  }
}

// One at a time: handshakes are slow in debug builds, and what is tested has time limits.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ServerIdentityTests {
  @Test func aClientOfOurAuthorityIsLetInUnderItsNames() async throws {
    let authority = try TestAuthority.shared.get()
    let caller = try authority.credentials("op-1", dnsNames: ["op-1", "alias"])
    try await withTLSServer(try authority.credentials("server")) { port in
      let found1 = try await answer(port, caller)
      #expect(found1 == #"200 {"id":1,"jsonrpc":"2.0","result":"certificate of op-1, alias"}"#)
    }
  }

  @Test func pinnedNamesAloneCount() async throws {
    let authority = try TestAuthority.shared.get()
    let caller = try authority.credentials("op-1", dnsNames: ["op-1", "alias"])
    let fingerprint = try #require(caller.identity?.fingerprint)
    try await withTLSServer(try authority.credentials("server"), pins: { $0 == "alias" ? [fingerprint] : [] }) { port in
      let found2 = try await answer(port, caller)
      #expect(found2 == #"200 {"id":1,"jsonrpc":"2.0","result":"certificate of alias"}"#)
    }
  }

  @Test func aClientWithoutACertificateLearnsSo() async throws {
    let authority = try TestAuthority.shared.get()
    let metrics = MetricsRegistry()
    try await withTLSServer(try authority.credentials("server"), metrics: metrics) { port in
      let text = try await answer(port, nil)
      #expect(text.hasPrefix("403 "))
      #expect(text.contains("peer presented no certificate"))
    }
    let refused = metrics.counter("hyper_http_clients_refused_total", help: "", labels: ["server": "test", "cause": "no certificate"])
    #expect(refused.value == 1)
  }

  @Test func aClientOfAnotherAuthorityLearnsSo() async throws {
    let authority = try TestAuthority.shared.get()
    let stranger = try TestAuthority.stranger.get().credentials("op-1")
    try await withTLSServer(try authority.credentials("server")) { port in
      let text = try await answer(port, stranger)
      #expect(text.hasPrefix("403 "))
      #expect(text.contains("does not chain to a trusted authority"))
      #expect(text.contains("make certs"))
    }
  }

  @Test func anExpiredClientLearnsSo() async throws {
    let authority = try TestAuthority.shared.get()
    let old = try authority.issuer.issue(
      commonName: "op-1", notBefore: Date(timeIntervalSinceNow: -7200), notAfter: Date(timeIntervalSinceNow: -60)
    ).credentials()
    try await withTLSServer(try authority.credentials("server")) { port in
      let text = try await answer(port, old)
      #expect(text.hasPrefix("403 "))
      #expect(text.contains("expired"))
    }
  }

  @Test func aClientThatIsNotPinnedLearnsSo() async throws {
    let authority = try TestAuthority.shared.get()
    let caller = try authority.credentials("op-1")
    try await withTLSServer(try authority.credentials("server"), pins: { _ in ["00"] }) { port in
      let text = try await answer(port, caller)
      #expect(text.hasPrefix("403 "))
      #expect(text.contains("not pinned in the directory"))
    }
  }

  @Test func aCertificateThatIsOnlyRequestedMayBeAbsentButNotWrong() async throws {
    let authority = try TestAuthority.shared.get()
    let stranger = try TestAuthority.stranger.get().credentials("op-1")
    try await withTLSServer(try authority.credentials("server"), clients: .requested) { port in
      let found3 = try await answer(port, nil)
      #expect(found3.contains("anonymous"))
      let found4 = try await answer(port, stranger)
      #expect(found4.hasPrefix("403 "))
    }
  }

  @Test func noCertificateIsAskedForWithoutVerification() async throws {
    let authority = try TestAuthority.shared.get()
    try await withTLSServer(try authority.credentials("server"), clients: .none) { port in
      let found5 = try await answer(port, nil)
      #expect(found5.contains("anonymous"))
    }
  }

  @Test func aRefusedClientCannotGoOnOnItsConnection() async throws {
    let authority = try TestAuthority.shared.get()
    try await withTLSServer(try authority.credentials("server")) { port in
      try await RawConnection.open(.tcp(host: "127.0.0.1", port: port), tls: tls(nil)) { connection in
        try await connection.send(post(call("whoami")) + post(call("whoami")))
        let text = try await connection.readToEnd()
        #expect(text.split(separator: "HTTP/1.1").count == 1)
        #expect(text.hasPrefix("HTTP/1.1 403"))
      }
    }
  }

  @Test(arguments: [true, false]) func aClientThatEndedItsSideStillGetsItsAnswer(withFarewell: Bool) async throws {
    // More than the kernel's buffers of both ends hold.
    let size = 32 << 20
    let credentials = try TestAuthority.shared.get().credentials("server")
    let server = HTTPServer(
      HTTPServerConfiguration(
        name: "test", address: .tcp(host: "127.0.0.1", port: 0), access: .tls(TrustSource(credentials), clients: .none, pins: nil)),
      logger: silent, metrics: MetricsRegistry()
    ) { _, _ in
      HTTPResponse(
        status: 200, contentType: "x/y", body: .generated(length: size) { [UInt8](repeating: 7, count: $0.count) })
    }
    let address = try await server.bind()
    try await serving({ try await server.run() }) {
      try await RawConnection.open(address, tls: tls(nil)) { connection in
        try await connection.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        if withFarewell { try await connection.finishSending() } else { try await connection.finishSocket() }
        let received = try await connection.countToEnd()
        #expect(received > size && received < size + 1000)
      }
    }
  }

  @Test func aPlainClientOfATLSPortIsClosed() async throws {
    let authority = try TestAuthority.shared.get()
    try await withTLSServer(try authority.credentials("server")) { port in
      try await RawConnection.open(.tcp(host: "127.0.0.1", port: port)) { connection in
        try await connection.send(post(call("whoami")))
        let text = try await connection.readToEnd()
        #expect(!text.contains("HTTP"))
      }
    }
  }

  @Test func aClientThatNeverSpeaksTLSIsClosed() async throws {
    let authority = try TestAuthority.shared.get()
    var limits = patientServer
    limits.headTime = .milliseconds(200)
    try await withTLSServer(try authority.credentials("server"), limits: limits) { port in
      try await RawConnection.open(.tcp(host: "127.0.0.1", port: port)) { connection in
        let text = try await connection.readToEnd()
        #expect(text == "")
      }
    }
  }

  @Test func aForeignUserIsRefusedWithAReason() async throws {
    // The tests cannot become somebody else; what is checked is the rule and its answer.
    let check = UnixAccess(allowedUIDs: [4711])
    #expect(check.allowedUIDs.contains(4711))
    #expect(HTTPConnection.refusal(uid: 4711, own: 1, allowed: [4711]) == nil)
    #expect(HTTPConnection.refusal(uid: 1, own: 1, allowed: []) == nil)
    #expect(HTTPConnection.refusal(uid: 2, own: 1, allowed: [3])?.message == "user 2 may not use this socket")
    #expect(JSONRPCResponder.refusal(HTTPRefusal(cause: "x", message: "user 2 may not use this socket", hint: nil)).status == 403)
  }
}

@Suite struct RecentChainsTests {
  private func certificate(_ name: String, _ authority: TestAuthority) throws -> [NIOSSLCertificate] {
    try authority.credentials(name).chain
  }

  @Test func aResumedSessionFindsTheChainOfItsHandshake() async throws {
    let authority = try TestAuthority.shared.get()
    let chain = try certificate("op-1", authority)
    let other = try certificate("op-2", authority)
    let check = ClientCheck(verifier: PeerVerifier(roots: try authority.root.roots, pins: nil), isRequired: true)
    // The leaf alone does not reach the root: the intermediate is missing.
    await #expect(throws: PeerRefusal.self) { try await check.caller(presented: nil, sessionLeaf: chain.first).get() }
    let first = try await check.caller(presented: chain, sessionLeaf: chain.first).get()
    #expect(try await check.caller(presented: nil, sessionLeaf: chain.first).get() == first)
    await #expect(throws: PeerRefusal.self) { try await check.caller(presented: nil, sessionLeaf: other.first).get() }
  }

  @Test func onlyTheLastChainsAreKept() throws {
    let authority = try TestAuthority.shared.get()
    var recent = RecentChains(limit: 3)
    let chains = try (0...3).map { try certificate("op-\($0)", authority) }
    for chain in chains { recent.remember(chain) }
    for chain in chains { recent.remember(chain) }
    #expect(recent.chain(of: chains[0][0]).count == 1)
    #expect(recent.chain(of: chains[1][0]).count == 2)
  }
}
