import Harness
import HyperModel
import NIOCore
import NIOSSL
import Operations
import ServiceLifecycle
import Testing
import Trust

import class Foundation.FileManager

@testable import JSONRPC

private func server(_ address: ListenAddress, insecure: Bool = true, limits: HTTPServerLimits = patientServer) -> JSONRPCServer {
  JSONRPCServer(
    JSONRPCServerConfiguration(name: "test", address: address, insecure: insecure, limits: limits), admit: { _ in nil }, logger: silent,
    metrics: MetricsRegistry(), handler: testHandler)
}

private func startFailure(_ address: ListenAddress, insecure: Bool = true) async -> StartFailure? {
  let server = server(address, insecure: insecure)
  do throws(StartFailure) {
    _ = try await server.bind()
    await server.close()
    return nil
  } catch {
    return error
  }
}

@Suite(.timeLimit(.minutes(5))) struct ServerLifeTests {
  @Test func plainHTTPOverTCPNeedsTheWordInsecure() async throws {
    let failure = try #require(await startFailure(.tcp(host: "127.0.0.1", port: 0), insecure: false))
    #expect(failure.message == "test would serve plain HTTP on 127.0.0.1:0")
    #expect(failure.status == ExitStatus.badUsage)
  }

  @Test func aPortInUseIsOneClearLine() async throws {
    let first = server(.tcp(host: "127.0.0.1", port: 0))
    let address = try await first.bind()
    let failure = try #require(await startFailure(address))
    #expect(failure.message == "test cannot listen on \(address): the address is already in use")
    #expect(failure.status == ExitStatus.failure)
    await first.close()
    // A process that another test starts just now has a copy of the listening socket for a moment.
    try await eventually("the port is free") { await startFailure(address) == nil }
  }

  @Test func anAddressOfAnotherMachineIsOneClearLine() async throws {
    let failure = try #require(await startFailure(.tcp(host: "192.0.2.1", port: 0)))
    #expect(failure.message.hasSuffix("the machine has no such address"))
  }

  @Test func anUnknownHostIsAFailure() async throws {
    #expect(await startFailure(.tcp(host: "no-such-host.invalid", port: 0)) != nil)
  }

  @Test func localhostIsServedOnBothAddressesWithOnePort() async throws {
    let server = server(.tcp(host: "localhost", port: 0))
    guard case .tcp("localhost", let port) = try await server.bind() else { throw TestFailure("another address") }
    #expect(port > 0)
    try await serving({ try await server.run() }) {
      for host in ["127.0.0.1"] + (hasIPv6 ? ["::1"] : []) {
        let status = try await RawConnection.open(.tcp(host: host, port: port)) { connection in
          try await connection.send(post(call("echo")))
          return try await connection.readAnswer()?.status
        }
        #expect(status == 200)
      }
    }
  }

  @Test func aSocketOfALivingOwnerIsNotTaken() async throws {
    try await withTemporaryFolder { folder in
      let address = ListenAddress.unix(path: "\(folder)/s")
      let first = server(address)
      _ = try await first.bind()
      let failure = try #require(await startFailure(address))
      #expect(failure.message.contains("already running"))
      await first.close()
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/s"))
      #expect(await startFailure(address) == nil)
    }
  }

  @Test func aSocketIsForItsOwnerAlone() async throws {
    try await withTemporaryFolder { folder in
      let server = server(.unix(path: "\(folder)/new/s"))
      _ = try await server.bind()
      let files = FileManager.default
      #expect(try files.attributesOfItem(atPath: "\(folder)/new/s")[.posixPermissions] as? Int == 0o600)
      #expect(try files.attributesOfItem(atPath: "\(folder)/new")[.posixPermissions] as? Int == 0o700)
      await server.close()
    }
  }

  @Test func aSocketPathThatIsTooLongIsOneClearLine() async throws {
    let failure = try #require(await startFailure(.unix(path: "/tmp/" + String(repeating: "x", count: 108))))
    #expect(failure.message.contains("107"))
  }

  @Test func aServerThatIsClosedInsteadOfRunLetsItsClientsGo() async throws {
    try await withTemporaryFolder { folder in
      let address = ListenAddress.unix(path: "\(folder)/s")
      let server = server(address)
      _ = try await server.bind()
      try await RawConnection.open(address) { connection in
        try await connection.send(post(call("echo")))
        await server.close()
        #expect(try await connection.readToEnd() == "")
      }
    }
  }

  @Test func bindingTwiceIsAnError() async throws {
    try await withTemporaryFolder { folder in
      let server = server(.unix(path: "\(folder)/s"))
      _ = try await server.bind()
      await #expect(throws: StartFailure.self) { _ = try await server.bind() }
      await server.close()
    }
  }

  @Test func aGracefulStopClosesIdleConnectionsAndFinishesTheOthers() async throws {
    try await withTemporaryFolder { folder in
      let path = "\(folder)/s"
      let server = server(.unix(path: path))
      _ = try await server.bind()
      let group = ServiceGroup(configuration: .init(services: [server], logger: silent))
      let run = Task { try await group.run() }
      try await RawConnection.open(.unix(path: path)) { idle in
        try await idle.send(post(call("echo")))
        #expect(try await idle.readAnswer()?.status == 200)
        try await RawConnection.open(.unix(path: path)) { busy in
          // Half a request: the connection is busy from the server's point of view, which has read it when the whole one before it, in
          // the same piece, is answered.
          let text = Array(post(call("echo")).utf8)
          try await busy.send(post(call("echo")) + String(decoding: text.dropLast(10), as: UTF8.self))
          #expect(try await busy.readAnswer()?.status == 200)
          await group.triggerGracefulShutdown()
          #expect(try await idle.readToEnd() == "")
          try await busy.send(String(decoding: text.suffix(10), as: UTF8.self))
          let answer = try await busy.readToEnd()
          #expect(answer.hasPrefix("HTTP/1.1 200"))
          #expect(answer.contains("connection: close"))
        }
      }
      try await run.value
      #expect(!FileManager.default.fileExists(atPath: path))
    }
  }

  /// A client that looks at its connection only when it needs it: it never answers TLS's farewell.
  @Test func aGracefulStopWaitsForNoIdleClient() async throws {
    let authority = try TestAuthority.shared.get()
    var limits = patientServer
    // Far beyond the time limit of this suite: whoever waits for the client does not come through.
    limits.farewellTime = .seconds(3600)
    limits.stopTime = .seconds(3600)
    let server = JSONRPCServer(
      JSONRPCServerConfiguration(
        name: "test", address: .tcp(host: "127.0.0.1", port: 0), trust: TrustSource(try authority.credentials("server")),
        clientVerification: .none, limits: limits), admit: { _ in nil }, logger: silent, metrics: MetricsRegistry(), handler: testHandler)
    let address = try await server.bind()
    let group = ServiceGroup(configuration: .init(services: [server], logger: silent))
    let run = Task { try await group.run() }
    try await RawConnection.open(address, tls: .makeClientConfiguration()) { idle in
      try await idle.send(post(call("echo")))
      #expect(try await idle.readAnswer()?.status == 200)
      try await idle.channel.setOption(ChannelOptions.autoRead, value: false).get()
      await group.triggerGracefulShutdown()
      try await run.value
      // It finds a proper end when it looks.
      try await idle.channel.setOption(ChannelOptions.autoRead, value: true).get()
      #expect(try await idle.readToEnd() == "")
    }
  }

  @Test func whatIsStillBusyAtTheEndOfTheStopTimeIsCut() async throws {
    try await withTemporaryFolder { folder in
      let path = "\(folder)/s"
      var limits = patientServer
      limits.stopTime = .milliseconds(300)
      let server = server(.unix(path: path), limits: limits)
      _ = try await server.bind()
      let group = ServiceGroup(configuration: .init(services: [server], logger: silent))
      let run = Task { try await group.run() }
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("echo")))
        #expect(try await connection.readAnswer()?.status == 200)
        try await connection.send(post(call("rest")))
        await group.triggerGracefulShutdown()
        _ = try await connection.readToEnd()
        try await run.value
      }
    }
  }

  @Test func thePlainServerAnswersGetAlone() async throws {
    try await withTemporaryFolder { folder in
      let server = PlainHTTPServer(
        name: "metrics", address: .unix(path: "\(folder)/s"), logger: silent, metrics: MetricsRegistry()
      ) { path in path == "/metrics" ? .text(200, "a 1\n") : nil }
      _ = try await server.bind()
      try await serving({ try await server.run() }) {
        try await RawConnection.open(.unix(path: "\(folder)/s")) { connection in
          try await connection.send("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
          let answer = try await connection.readAnswer()
          #expect(answer?.status == 200)
          #expect(answer?.body == "a 1\n")
          try await connection.send("HEAD /metrics HTTP/1.1\r\nhost: x\r\n\r\nGET /other HTTP/1.1\r\nhost: x\r\n\r\n")
          try await connection.send(post("{}", path: "/metrics", headers: "connection: close\r\n"))
          let rest = try await connection.readToEnd()
          #expect(rest.hasPrefix("HTTP/1.1 200"))
          #expect(rest.contains("content-length: 4\r\n"))
          #expect(!rest.contains("a 1"))
          #expect(rest.contains("HTTP/1.1 404"))
          #expect(rest.contains("HTTP/1.1 405"))
        }
      }
    }
  }
}
