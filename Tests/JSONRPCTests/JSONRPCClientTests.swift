import HyperModel
import NIOCore
import NIOPosix
import Operations
import Testing
import Trust

@testable import JSONRPC

@Suite(.timeLimit(.minutes(5))) struct JSONRPCClientTests {
  @Test func resultsAndFaultsAreAnswers() async throws {
    try await withUnixServer { path in
      let client = try client(.unix(path: path, httpPath: "/jsonrpc"))
      #expect(try await client.call("echo", params: ["a": [1, "ä", nil]]) == .result(["a": [1, "ä", nil]]))
      #expect(try await client.call("null", params: [:]) == .result(.null))
      #expect(try await client.call("empty", params: [:]) == .result(nil))
      #expect(
        try await client.call("fault", params: [:]) == .fault(CallFault(code: 404, message: "no matching connection found", data: ["a": 1]))
      )
      #expect(try await client.call("id", params: [:], id: "a.b(n:5)") == .result("a.b(n:5)"))
      await client.shutdown()
    }
  }

  @Test func oneConnectionCarriesOneCallAfterTheOther() async throws {
    let metrics = MetricsRegistry()
    try await withUnixServer(metrics: metrics) { path in
      let client = try client(.unix(path: path, httpPath: "/jsonrpc"))
      for number in 0..<50 {
        #expect(try await client.call("echo", params: ["n": .integer(Int64(number))]) == .result(["n": .integer(Int64(number))]))
      }
      #expect(metrics.counter("hyper_http_connections_opened_total", help: "", labels: ["server": "test"]).value == 1)
      await client.shutdown()
    }
  }

  @Test func callsAtTheSameTimeShareTheAllowedConnections() async throws {
    let metrics = MetricsRegistry()
    try await withUnixServer(metrics: metrics) { path in
      var limits = patient
      limits.connections = 3
      let client = try client(.unix(path: path, httpPath: "/jsonrpc"), limits: limits)
      let sum = try await withThrowingTaskGroup(of: Int64.self) { group in
        for number in 0..<200 {
          group.addTask {
            guard case .result(let value?) = try await client.call("echo", params: ["n": .integer(Int64(number))]) else { return 0 }
            return value["n"]?.integer ?? 0
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(sum == 19_900)
      #expect((1...3).contains(metrics.counter("hyper_http_connections_opened_total", help: "", labels: ["server": "test"]).value))
      await client.shutdown()
    }
  }

  @Test func aCallEndsAtItsDeadline() async throws {
    try await withUnixServer { path in
      let client = try client(.unix(path: path, httpPath: "/jsonrpc"))
      // The connection is there by then: dialling has a time of its own.
      #expect(await failure(client) == nil)
      let error = await failure(client, "rest", timeout: .milliseconds(200))
      #expect(error?.kind == .timeout)
      #expect(error?.message == "calling rest at unix:\(path) /jsonrpc: no answer in time")
      #expect(error?.failureKind == .failedAfterAccept)
      #expect(await failure(client) == nil)
      await client.shutdown()
    }
  }

  @Test func aCallThatWaitsForAConnectionEndsAtItsDeadlineAndOneTooManyAtOnce() async throws {
    try await FakeServer.with(.beSilent) { endpoint, fake in
      var limits = patient
      limits.connections = 1
      limits.waiting = 1
      limits.callTime = .seconds(300)
      let client = try client(endpoint, limits: limits)
      let first = Task { await failure(client) }
      let loop = MultiThreadedEventLoopGroup.singleton.any()
      // Accepted would not do: the client may be dialling still, and that is not interrupted.
      try await loop.makePromise(of: Void.self).futureResult.get(orAfter: { fake.requestCount == 1 })
      // The connection is taken, so this one waits.
      #expect(await failure(client, timeout: .milliseconds(100))?.kind == .timeout)
      // Of two more, one waits and the other finds no place; which one is chance.
      let kinds = await withTaskGroup(of: JSONRPCClientError.Kind?.self) { group in
        for _ in 0..<2 { group.addTask { await failure(client)?.kind } }
        let refused = await group.next()
        await client.shutdown()
        return [refused, await group.next()]
      }
      #expect(kinds == [.busy, .cancelled])
      #expect(await first.value?.kind == .interrupted)
    }
  }

  @Test func aCancelledTaskEndsItsCall() async throws {
    try await FakeServer.with(.beSilent) { endpoint, fake in
      let client = try client(endpoint)
      let call = Task { await failure(client) }
      let loop = MultiThreadedEventLoopGroup.singleton.any()
      try await loop.makePromise(of: Void.self).futureResult.get(orAfter: { fake.requestCount == 1 })
      call.cancel()
      #expect(await call.value?.kind == .cancelled)
      await client.shutdown()
    }
  }

  @Test func nobodyThereIsUnreachable() async throws {
    // Nobody listens there, while a port that was let go may be another test's.
    let error = await failure(try client(.http(host: "127.0.0.1", port: 1, path: "/jsonrpc")))
    #expect(error?.kind == .unreachable)
    #expect(error?.message == "calling echo at http://127.0.0.1:1/jsonrpc: connection refused")
    #expect(error?.hint == "is the other side running?")
    #expect(error?.failureKind == .unreachable)
  }

  @Test func aSocketThatIsNotThereIsUnreachable() async throws {
    let error = await failure(try client(.unix(path: "/tmp/no-such-folder/s", httpPath: "/jsonrpc")))
    #expect(error?.kind == .unreachable)
    #expect(error?.message.hasSuffix("no such file or directory") == true)
  }

  @Test func anUnknownHostIsUnreachable() async throws {
    let error = await failure(try client(.http(host: "no-such-host.invalid", port: 1, path: "/")))
    #expect(error?.kind == .unreachable)
  }

  @Test(arguments: [
    "", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"json", "HTTP/1.1 20",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"jso",
  ]) func aServerThatGoesInMidAnswerInterruptsTheCall(said: String) async throws {
    try await FakeServer.with(.sayAndClose(said)) { endpoint, _ in
      let client = try client(endpoint)
      #expect(await failure(client)?.kind == .interrupted)
      await client.shutdown()
    }
  }

  @Test(arguments: [
    (http("200 OK", "hello"), "HTTP status 200 with a body that is not JSON"),
    (http("404 Not Found", #"{"message":"not found"}"#), "HTTP status 404 with JSON that is no JSON-RPC answer"),
    (http("302 Found", "", headers: "location: http://127.0.0.1:1/\r\n"), "HTTP status 302 with a body that is not JSON"),
    (http("502 Bad Gateway", "<html>"), "HTTP status 502"),
  ]) func whatIsNoAnswerIsABadAnswer(said: String, found: String) async throws {
    try await FakeServer.with(.say(said)) { endpoint, _ in
      let client = try client(endpoint)
      let error = await failure(client)
      #expect(error?.kind == .badAnswer)
      #expect(error?.message.contains(found) == true)
      await client.shutdown()
    }
  }

  @Test func whatIsNotHTTPInterruptsTheCall() async throws {
    try await FakeServer.with(.say("220 mail ESMTP\r\n")) { endpoint, _ in
      let client = try client(endpoint)
      #expect(await failure(client)?.kind == .interrupted)
      await client.shutdown()
    }
  }

  @Test func anAnswerOverTheLimitIsABadAnswer() async throws {
    var limits = patient
    limits.answer = 1000
    try await FakeServer.with(.say(http("200 OK", String(repeating: " ", count: 2000)))) { endpoint, _ in
      let client = try client(endpoint, limits: limits)
      let error = await failure(client)
      #expect(error?.kind == .badAnswer)
      #expect(error?.message.hasSuffix("larger than 1000 bytes") == true)
      await client.shutdown()
    }
  }

  @Test func status400WithAnErrorObjectIsAnAnswer() async throws {
    let body = #"{"jsonrpc":"2.0,","error":{"code":-32700,"message":"JSON required"},"id":null}"#
    try await FakeServer.with(.say(http("400 Bad Request", body))) { endpoint, fake in
      let client = try client(endpoint)
      #expect(try await client.call("a", params: [:]) == .fault(CallFault(code: -32700, message: "JSON required")))
      #expect(try await client.call("a", params: [:]) == .fault(CallFault(code: -32700, message: "JSON required")))
      #expect(fake.connectionCount == 1)
      await client.shutdown()
    }
  }

  @Test func aServerThatDoesNotLetUsInRefusesOurIdentity() async throws {
    try await withUnixServer(admit: { _ in CallFault(code: 403, message: "only a may call") }) { path in
      let client = try client(.unix(path: path, httpPath: "/jsonrpc"))
      let error = await failure(client)
      #expect(error?.kind == .refusedIdentity)
      #expect(error?.message.hasSuffix("the server does not let us in: only a may call") == true)
      #expect(error?.failureKind == .refused)
      await client.shutdown()
    }
  }

  @Test func aRestartedServerIsReachedByTheNextCall() async throws {
    try await withTemporaryFolder { folder in
      let path = "\(folder)/s"
      let client = try client(.unix(path: path, httpPath: "/jsonrpc"))
      for _ in 0..<3 {
        let server = JSONRPCServer(
          JSONRPCServerConfiguration(name: "test", address: .unix(path: path)), admit: { _ in nil }, logger: silent,
          metrics: MetricsRegistry(), handler: testHandler)
        _ = try await server.bind()
        try await serving({ try await server.run() }) {
          let outcome = try await client.call("echo", params: [:])
          #expect(outcome == .result([:]))
        }
        // The end of the kept connection may not have been seen yet: then the call is sent on it and fails, and the next one dials.
        let first = await failure(client)?.kind
        #expect(first == .unreachable || first == .interrupted)
        #expect(await failure(client)?.kind == .unreachable)
      }
      await client.shutdown()
    }
  }

  @Test func aConnectionThatTheServerClosedIsNotUsedAgain() async throws {
    var limits = patientServer
    // Long enough for a request of a busy machine to follow its connection.
    limits.idleTime = .seconds(1)
    try await withUnixServer(limits: limits, metrics: MetricsRegistry()) { path in
      let client = try client(.unix(path: path, httpPath: "/jsonrpc"))
      #expect(await failure(client) == nil)
      let loop = MultiThreadedEventLoopGroup.singleton.any()
      // Not before the client has seen the end: a call may be sent into a connection whose end is on its way.
      try await loop.makePromise(of: Void.self).futureResult.get(orAfter: { client.openConnectionCount == 0 })
      #expect(await failure(client) == nil)
      await client.shutdown()
    }
  }

  @Test func ofTheConnectionsOfABurstTwoStay() async throws {
    var limits = patient
    limits.dials = 8
    limits.idleTime = .seconds(300)
    // Long enough for a call that was given a connection to make use of it before it is closed, also on a busy machine.
    limits.spareIdleTime = .milliseconds(500)
    let metrics = MetricsRegistry()
    try await withUnixServer(metrics: metrics) { path in
      let client = try client(.unix(path: path, httpPath: "/jsonrpc"), limits: limits)
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<64 { group.addTask { #expect(await failure(client) == nil) } }
      }
      #expect(metrics.counter("hyper_http_connections_opened_total", help: "", labels: ["server": "test"]).value > 2)
      let loop = MultiThreadedEventLoopGroup.singleton.any()
      try await loop.makePromise(of: Void.self).futureResult.get(orAfter: { client.openConnectionCount == 2 })
      await client.shutdown()
    }
  }

  @Test func aShutDownClientFailsItsCalls() async throws {
    try await FakeServer.with(.beSilent) { endpoint, fake in
      let client = try client(endpoint)
      async let call = failure(client)
      let loop = MultiThreadedEventLoopGroup.singleton.any()
      try await loop.makePromise(of: Void.self).futureResult.get(orAfter: { fake.connectionCount == 1 })
      await client.shutdown()
      #expect(await call != nil)
      #expect(await failure(client)?.kind == .cancelled)
      await client.shutdown()
    }
  }
}
