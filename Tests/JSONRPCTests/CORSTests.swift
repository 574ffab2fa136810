import HyperModel
import NIOSSL
import Operations
import Testing
import Trust

@testable import JSONRPC

private func policy(
  _ origins: [String], headers: [String] = [], methods: [String] = ["POST"], allowsCredentials: Bool = false
) -> CORSPolicy {
  CORSPolicy(allowedOrigins: origins, allowedHeaders: headers, allowedMethods: methods, allowsCredentials: allowsCredentials)
}

private func withServer<T: Sendable>(
  _ cors: CORSPolicy?, metrics: MetricsRegistry = MetricsRegistry(), _ body: (ListenAddress) async throws -> T
) async throws -> T {
  try await withTemporaryFolder { folder in
    let address = ListenAddress.unix(path: "\(folder)/s")
    let server = JSONRPCServer(
      JSONRPCServerConfiguration(name: "test", address: address, cors: cors), admit: { _ in nil }, logger: silent, metrics: metrics,
      handler: testHandler)
    _ = try await server.bind()
    return try await serving({ try await server.run() }) { try await body(address) }
  }
}

private func preflight(origin: String, method: String = "POST", headers: String = "content-type, x-a") -> String {
  "OPTIONS /jsonrpc HTTP/1.1\r\nhost: x\r\norigin: \(origin)\r\naccess-control-request-method: \(method)\r\n"
    + "access-control-request-headers: \(headers)\r\n\r\n"
}

private let json = "content-type: application/json\r\n"

@Suite(.timeLimit(.minutes(5))) struct CORSTests {
  @Test func aPreflightOfAnAllowedOriginLearnsWhatItMayDo() async throws {
    try await withServer(policy(["https://app\\.example"], headers: ["X-Token"], methods: ["GET", "POST"])) { address in
      try await RawConnection.open(address) { connection in
        try await connection.send(preflight(origin: "https://app.example"))
        let answer = try #require(try await connection.readAnswer())
        #expect(answer.status == 204)
        #expect(answer.body.isEmpty)
        let fields = Set(answer.head.split(separator: "\r\n").dropFirst().map(String.init))
        #expect(
          fields == [
            "vary: origin, access-control-request-method, access-control-request-headers",
            "access-control-allow-origin: https://app.example", "access-control-allow-methods: GET, POST",
            "access-control-allow-headers: content-type, x-token", "access-control-max-age: 60",
          ])
        // The connection carries the call behind it.
        try await connection.send(post(call("echo"), headers: json + "origin: https://app.example\r\n"))
        let second = try #require(try await connection.readAnswer())
        #expect(second.status == 200)
        #expect(second.head.contains("access-control-allow-origin: https://app.example"))
        #expect(second.head.contains("vary: origin"))
        #expect(!second.head.contains("credentials"))
      }
    }
  }

  @Test func aPreflightOfAnotherOriginIsRefusedAndCounted() async throws {
    let metrics = MetricsRegistry()
    try await withServer(policy(["https://app\\.example"]), metrics: metrics) { address in
      try await RawConnection.open(address) { connection in
        try await connection.send(preflight(origin: "https://evil.example"))
        let answer = try #require(try await connection.readAnswer())
        #expect(answer.status == 403)
        #expect(!answer.head.contains("access-control-allow"))
        #expect(answer.head.contains("vary: origin"))
      }
    }
    let refused = metrics.counter("hyper_http_preflights_total", help: "", labels: ["server": "test", "outcome": "refused"])
    #expect(refused.value == 1)
  }

  @Test func aCallFromAnotherOriginIsAnsweredWithoutLeaveToReadIt() async throws {
    try await withServer(policy(["https://app\\.example"])) { address in
      try await RawConnection.open(address) { connection in
        for origin in ["origin: https://evil.example\r\n", ""] {
          try await connection.send(post(call("echo"), headers: json + origin))
          let answer = try #require(try await connection.readAnswer())
          #expect(answer.status == 200)
          #expect(!answer.head.contains("access-control-allow"))
          // For caches, also when nobody asked from a page.
          #expect(answer.head.contains("vary: origin"))
        }
      }
    }
  }

  @Test func errorsCarryTheLeaveTooSoThatPagesCanReadThem() async throws {
    try await withServer(policy(["https://app\\.example"])) { address in
      try await RawConnection.open(address) { connection in
        for text in [
          post("nonsense", headers: json + "origin: https://app.example\r\n"),
          post(call("echo"), path: "/other", headers: json + "origin: https://app.example\r\n"),
        ] {
          try await connection.send(text)
          let answer = try #require(try await connection.readAnswer())
          #expect(answer.status >= 400)
          #expect(answer.head.contains("access-control-allow-origin: https://app.example"))
        }
      }
    }
  }

  @Test func credentialsAreAllowedOnlyWhenAskedFor() async throws {
    try await withServer(policy(["https://app\\.example"], allowsCredentials: true)) { address in
      try await RawConnection.open(address) { connection in
        for text in [preflight(origin: "https://app.example"), post(call("echo"), headers: json + "origin: https://app.example\r\n")] {
          try await connection.send(text)
          let answer = try #require(try await connection.readAnswer())
          #expect(answer.head.contains("access-control-allow-credentials: true"))
          // With credentials `*` is no origin.
          #expect(answer.head.contains("access-control-allow-origin: https://app.example"))
        }
      }
    }
  }

  @Test func withoutAPolicyNothingIsSaidAndOPTIONSIsARequestLikeOthers() async throws {
    try await withServer(nil) { address in
      try await RawConnection.open(address) { connection in
        try await connection.send(preflight(origin: "https://app.example"))
        let answer = try #require(try await connection.readAnswer())
        #expect(answer.status == 400)
        #expect(!answer.head.contains("access-control") && !answer.head.contains("vary"))
      }
    }
  }

  @Test func OPTIONSThatIsNoPreflightIsARequestLikeOthers() async throws {
    try await withServer(policy([".*"])) { address in
      try await RawConnection.open(address) { connection in
        try await connection.send("OPTIONS /jsonrpc HTTP/1.1\r\nhost: x\r\norigin: https://a\r\n\r\n")
        #expect(try await connection.readAnswer()?.status == 400)
      }
    }
  }

  @Test func aPreflightComesWithoutCertificateAndIsAnswered() async throws {
    let authority = try TestAuthority.shared.get()
    let server = JSONRPCServer(
      JSONRPCServerConfiguration(
        name: "test", address: .tcp(host: "127.0.0.1", port: 0), trust: TrustSource(try authority.credentials("server")),
        cors: policy(["https://app\\.example"], allowsCredentials: true)), admit: { _ in nil }, logger: silent,
      metrics: MetricsRegistry(), handler: testHandler)
    let address = try await server.bind()
    try await serving({ try await server.run() }) {
      try await RawConnection.open(address, tls: .makeClientConfiguration()) { connection in
        try await connection.send(preflight(origin: "https://app.example"))
        #expect(try await connection.readAnswer()?.status == 204)
        // The call itself needs one, as ever; the page can read why it is refused.
        try await connection.send(post(call("echo"), headers: json + "origin: https://app.example\r\n"))
        let answer = try #require(try await connection.readAnswer())
        #expect(answer.status == 403)
        #expect(answer.head.contains("access-control-allow-origin: https://app.example"))
      }
    }
  }

  @Test(arguments: [
    (["https://app\\.example"], "https://app.example", true),
    // The whole origin has to match, not a part of it.
    (["https://app\\.example"], "https://app.example.evil.org", false),
    (["app\\.example"], "https://app.example", false),
    ([#"^http(?:s)?://localhost\:\d+$"#], "http://localhost:8080", true),
    ([#"^http(?:s)?://localhost\:\d+$"#], "http://localhost:8080.evil.org", false),
    ([".*"], "https://anything:1", true), ([".*"], "null", false), (["null"], "null", true),
    ([], "https://app.example", false), (["("], "(", false), (["a", "b"], "b", true),
  ]) func originsMatchAsAWhole(patterns: [String], origin: String, isAllowed: Bool) {
    #expect(policy(patterns).allows(origin: origin) == isAllowed)
  }

  @Test func anEndlessOriginIsNotMatchedAtAll() {
    #expect(!policy(["(a+)+b"]).allows(origin: String(repeating: "a", count: 100_000)))
  }
}

@Suite(.timeLimit(.minutes(5))) struct RateLimitTests {
  @Test func connectionsOverTheRateAreClosedAndCounted() async throws {
    let metrics = MetricsRegistry()
    let server = JSONRPCServer(
      JSONRPCServerConfiguration(
        name: "test", address: .tcp(host: "localhost", port: 0), insecure: true, rates: [ConnectionRate(window: .hour, limit: 2)]),
      admit: { _ in nil }, logger: silent, metrics: metrics, handler: testHandler)
    guard case .tcp(_, let port) = try await server.bind() else { throw TestFailure("no port") }
    let first = { () async throws -> Int? in
      try await RawConnection.open(.tcp(host: "127.0.0.1", port: port)) { connection in
        // The server may have closed it before this is sent.
        try? await connection.send(post(call("echo")))
        return try? await connection.readAnswer()?.status
      }
    }
    try await serving({ try await server.run() }) {
      // The full hour may strike in between, once: then it takes up to two more.
      var answers: [Int?] = []
      while answers.count < 5, answers.last != .some(nil) { answers.append(try await first()) }
      #expect(answers.count >= 3)
      #expect(answers.last == .some(nil))
      if hasIPv6 {
        // Another source, on the other address of the same listener.
        let status = try await RawConnection.open(.tcp(host: "::1", port: port)) { connection in
          try await connection.send(post(call("echo")))
          return try await connection.readAnswer()?.status
        }
        #expect(status == 200)
      }
    }
    #expect(metrics.counter("hyper_http_connections_over_rate_total", help: "", labels: ["server": "test"]).value == 1)
  }
}
