import ClientHello
import Glibc
import Harness
import Testing

@testable import Relay

/// Starting, listening and stopping, in every phase of a stream.
@Suite(.timeLimit(.minutes(5)))
struct LifecycleTests {
  @Test func localhostIsOnePortOnBothFamilies() async throws {
    let engine = RelayEngine(.forTests())
    try engine.start()
    let port = try engine.listen(for: .clients, host: "localhost", port: 0)
    #expect(port > 0)
    let four = try TestSocket.connect(host: "127.0.0.1", port: port)
    if let probe = try? TestServer6.isAvailable(), probe {
      let six = try TestSocket.connect(host: "::1", port: port)
      withExtendedLifetime(six) {}
    }
    withExtendedLifetime(four) {}
    await engine.stop()
  }

  @Test func aPortInUseIsAClearError() async throws {
    let taken = try TestServer()
    let engine = RelayEngine(.forTests())
    try engine.start()
    let error = #expect(throws: RelayError.self) { try engine.listen(for: .clients, host: "127.0.0.1", port: taken.port) }
    #expect(error?.kind == .addressInUse)
    #expect(error?.message.contains("127.0.0.1:\(taken.port)") == true)
    await engine.stop()
  }

  @Test func anUnknownAddressIsAClearError() async throws {
    let engine = RelayEngine(.forTests())
    try engine.start()
    let foreign = #expect(throws: RelayError.self) { try engine.listen(for: .clients, host: "192.0.2.1", port: 0) }
    #expect(foreign?.kind == .noSuchAddress)
    let unknown = #expect(throws: RelayError.self) { try engine.listen(for: .clients, host: "no-such-host.invalid", port: 0) }
    #expect(unknown?.kind == .noSuchAddress)
    await engine.stop()
  }

  @Test func anEngineStartsOnceAndStopsTwice() async throws {
    let engine = RelayEngine(.forTests())
    #expect(throws: RelayError(.wrongPhase, "")) { try engine.listen(for: .clients, host: "127.0.0.1", port: 0) }
    try engine.start()
    #expect(engine.descriptorLimit > 0)
    #expect(throws: RelayError(.wrongPhase, "")) { try engine.start() }
    async let first: Void = engine.stop()
    async let second: Void = engine.stop()
    _ = await (first, second)
    await engine.stop()
    #expect(throws: RelayError(.wrongPhase, "")) { try engine.listen(for: .clients, host: "127.0.0.1", port: 0) }
    var rest = 0
    for await _ in engine.events { rest += 1 }
    #expect(rest == 0)
  }

  @Test func anEngineThatNeverStartedStops() async throws {
    let engine = RelayEngine(.forTests())
    await engine.stop()
    #expect(throws: RelayError(.wrongPhase, "")) { try engine.start() }
  }

  @Test func stoppingEndsStreamsInEveryPhase() async throws {
    let server = try TestServer()
    let full = try TestServer(backlog: 0)
    let blocker = try TestSocket.connect(port: full.port)
    let (toServer, toFull) = (server.target, full.target)
    let side = try PublicSide(host: ownHost()) { engine, _, stream, facts in
      switch facts.serverName {
      case "wait.example": _ = engine.awaitHandover(of: stream)
      case "dial.example": engine.route(stream, to: toFull)
      case "relay.example": engine.route(stream, to: toServer)
      case "refuse.example": engine.refuse(stream, with: .accessDenied, cause: .policy)
      default: break
      }
    }
    let names = ["decide.example", "wait.example", "dial.example", "relay.example", "refuse.example"]
    let clients = try names.map { try side.client(saying: Hello.bytes(for: $0)) }
    let halfHello = try side.client(saying: [22, 3, 1])
    let presenting = try TestSocket.connect(host: side.host, port: side.tokenPort)
    _ = try await side.log.joined()
    #expect(try await clients[4].read(7) == TLSAlert.accessDenied.record)
    for name in names {
      _ = try await side.log.first("the hello of \(name)") {
        if case .helloArrived(_, let facts, _) = $0, facts.serverName == name { true } else { nil }
      }
    }
    #expect(acceptedDescriptors(at: side.host) >= 2, "the listeners at least")
    await side.engine.stop()
    let ended = side.engine.snapshot().ended
    #expect(ended.values.reduce(0, +) >= 5)
    #expect(side.engine.snapshot().streams == 0)
    #expect(side.engine.snapshot().waiting == 0)
    #expect(acceptedDescriptors(at: side.host) == 0)
    #expect(throws: SystemFailure.self) { try TestSocket.connect(host: side.host, port: side.clientPort) }
    withExtendedLifetime((clients, halfHello, presenting, blocker)) {}
  }

  @Test func drainingLetsAStreamFinish() async throws {
    let chain = try Chain(server: try TestServer(), host: ownHost())
    let (client, server) = try await chain.connected()
    let side = chain.publicSide
    async let draining: Void = side.engine.drain(limit: .seconds(600))
    // New clients find nobody once the drain has begun.
    try await onThread {
      while (try? TestSocket.connect(host: side.host, port: side.clientPort)) != nil { sched_yield() }
    }
    try server.writeNow([1, 2, 3])
    #expect(try await client.read(3) == [1, 2, 3])
    client.endWriting()
    #expect(try await server.readToEnd() == [])
    server.endWriting()
    #expect(try await client.readToEnd() == [])
    await draining
    #expect(chain.publicSide.engine.snapshot().ended[.finished] == 1)
    #expect(chain.publicSide.engine.snapshot().ended[.stopped] == nil)
    await chain.stop()
  }

  @Test func drainingEndsWhatRemainsAtItsLimit() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    await chain.publicSide.engine.drain(limit: .milliseconds(200))
    #expect(chain.publicSide.engine.snapshot().ended == [.stopped: 1])
    #expect(try await client.readUntilFailure() == ECONNRESET)
    #expect(try await server.readUntilFailure() == ECONNRESET)
    await chain.stop()
  }

  @Test func ordersForStreamsThatAreGoneAreIgnored() async throws {
    let side = try PublicSide()
    let (client, leg, stream) = try await side.handedOver()
    client.reset()
    _ = try await side.log.ended(stream)
    side.engine.cancel(stream)
    side.engine.refuse(stream, with: .accessDenied, cause: .policy)
    side.engine.route(stream, to: .host("127.0.0.1", port: 1))
    _ = side.engine.awaitHandover(of: stream)
    side.engine.cancel(StreamID(loop: 77, slot: 9, generation: 1))
    let (again, second, other) = try await handedOverAgain(side, not: stream)
    try second.writeNow([5])
    #expect(try await again.read(1) == [5])
    #expect(other != stream)
    withExtendedLifetime(leg) {}
    await side.engine.stop()
  }

  private func handedOverAgain(_ side: PublicSide, not old: StreamID) async throws -> (TestSocket, TestSocket, StreamID) {
    let client = try side.client()
    let stream = try await side.log.first("another hello") { event -> StreamID? in
      if case .helloArrived(let stream, _, _) = event, stream != old { stream } else { nil }
    }
    let leg = try TestSocket.connect(port: side.tokenPort)
    try leg.writeNow(side.engine.awaitHandover(of: stream).bytes)
    _ = try await leg.read(Hello.bytes(for: "a.example").count)
    return (client, leg, stream)
  }
}

enum TestServer6 {
  /// Whether this machine has an IPv6 loopback.
  static func isAvailable() throws -> Bool {
    guard case .success(let found) = SocketAddress.look(up: "::1", port: 0, .numeric), let address = found.first else { return false }
    let socket = TestSocket(owning: Glibc.socket(AF_INET6, streamSocket, 0))
    let descriptor = socket.descriptor
    return address.withPointer { bind(descriptor, $0, $1) } == 0
  }
}
