import ClientHello
import Glibc
import Testing

@testable import Relay

/// Static routes, and the private side alone.
@Suite(.timeLimit(.minutes(5)))
struct DialTests {
  @Test func aRouteLeadsStraightToTheServer() async throws {
    let server = try TestServer()
    let target = server.target
    let side = try PublicSide { engine, _, stream, _ in engine.route(stream, to: target) }
    server.echo(1)
    let hello = Hello.bytes(for: "a.example")
    let client = try side.client(saying: hello)
    client.endWriting()
    #expect(try await client.readToEnd() == hello)
    #expect(try await side.log.ended().cause == .finished)
    await side.engine.stop()
  }

  @Test func aRouteIsDialledFromTheAddressThatIsSet() async throws {
    let server = try TestServer()
    let target = server.target
    let side = try PublicSide(.forTests { $0.dialFrom = ["127.0.0.9", "::1"] }) { engine, _, stream, _ in engine.route(stream, to: target) }
    let client = try side.client()
    let socket = try await server.accept()
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    withUnsafeMutablePointer(to: &storage) { pointer in
      _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(socket.descriptor, $0, &length) }
    }
    #expect(PeerAddress(storage).text?.host == "127.0.0.9")
    withExtendedLifetime(client) {}
    await side.engine.stop()
  }

  /// A port that were chosen when the address is bound would be taken towards every destination (IP_BIND_ADDRESS_NO_PORT).
  @Test(arguments: [("127.0.0.9", AF_INET), ("::", AF_INET6)])
  func thePortIsLeftToTheConnect(text: String, family: Int32) throws {
    let descriptor = Glibc.socket(family, streamSocket, 0)
    guard descriptor >= 0 else { return }  // a machine without IPv6
    let socket = TestSocket(owning: descriptor)
    #expect(try DialSource([text]).apply(to: socket.descriptor, family: family) == nil)
    #expect(SocketAddress.localPort(of: socket.descriptor) == 0)
  }

  @Test func anAddressThatIsNotOursIsNamedWhenDialling() async throws {
    let server = try TestServer()
    let target = server.target
    let side = try PublicSide(.forTests { $0.dialFrom = ["192.0.2.1"] }) { engine, _, stream, _ in engine.route(stream, to: target) }
    let client = try side.client()
    #expect(try await client.readToEnd() == alert80)
    let message = try await side.log.first("dialFailed") { if case .dialFailed(_, _, let message) = $0 { message } else { nil } }
    #expect(message.contains("dial from 192.0.2.1: "), "\(message)")
    await side.engine.stop()
  }

  @Test(arguments: [["localhost"], ["nonsense"], ["127.0.0.1", "127.0.0.2"], [""]])
  func whatIsNoAddressToDialFromFailsTheStart(texts: [String]) {
    let engine = RelayEngine(.forTests { $0.dialFrom = texts })
    let error = #expect(throws: RelayError.self) { try engine.start() }
    #expect(error?.kind == .noSuchAddress)
  }

  @Test func aRouteToNowhereGivesAlert80() async throws {
    let dead = try DeadPort()
    let target = dead.target
    let side = try PublicSide { engine, _, stream, _ in engine.route(stream, to: target) }
    let client = try side.client()
    #expect(try await client.readToEnd() == alert80)
    client.close()
    #expect(try await side.log.dialFailed() == .upstream)
    #expect(try await side.log.ended().cause == .upstreamUnreachable)
    await side.engine.stop()
  }

  @Test(arguments: [
    DialTarget.host("no-such-host.invalid", port: 1), .unix(path: "/nonexistent/socket"),
    .unix(path: String(repeating: "x", count: 120)), .host("127.0.0.1", port: 70_000),
  ])
  func whatCannotBeDialledIsReported(target: DialTarget) async throws {
    let side = try PublicSide { engine, _, stream, _ in engine.route(stream, to: target) }
    let client = try side.client()
    #expect(try await client.readToEnd() == alert80)
    let message = try await side.log.first("dialFailed") { if case .dialFailed(_, _, let message) = $0 { message } else { nil } }
    #expect(message.hasPrefix("dial "))
    await side.engine.stop()
  }

  @Test func theTokenComesFirstAndInOnePiece() async throws {
    let tokenPort = try TestServer()
    let server = try TestServer()
    let engine = RelayEngine(.forTests())
    try engine.start()
    let log = EventLog(engine)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let stream = engine.join(token: token, at: tokenPort.target, upstream: server.target)
    let leg = try await tokenPort.accept()
    #expect(try await onThread { try leg.readNow(64) } == token.bytes)
    let upstream = try await server.accept()
    #expect(try await log.joined() == stream)
    try leg.writeNow([1, 2, 3])
    #expect(try await upstream.read(3) == [1, 2, 3])
    try upstream.writeNow([4])
    #expect(try await leg.read(1) == [4])
    leg.close()
    #expect(try await upstream.readToEnd() == [])
    upstream.close()
    #expect(try await log.ended(stream).cause == .finished)
    await engine.stop()
  }

  @Test func aServerThatIsDownIsToldDownstreamOnceTheTokenIsPresented() async throws {
    let tokenPort = try TestServer()
    let dead = try DeadPort()
    let engine = RelayEngine(.forTests())
    try engine.start()
    let log = EventLog(engine)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let stream = engine.join(token: token, at: tokenPort.target, upstream: dead.target)
    let leg = try await tokenPort.accept()
    try leg.writeNow(Hello.bytes(for: "a.example") + [UInt8](repeating: 1, count: 65_536))
    #expect(try await leg.readToEnd() == token.bytes + alert80)
    leg.close()
    #expect(try await log.dialFailed() == .upstream)
    #expect(try await log.ended(stream).cause == .upstreamUnreachable)
    await engine.stop()
  }

  @Test func aTokenThatIsHeldBackComesWithTheServerAndBehindItsPreface() async throws {
    let tokenPort = try TestServer()
    let server = try TestServer()
    let engine = RelayEngine(.forTests())
    try engine.start()
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    engine.join(
      token: token, at: tokenPort.target, upstream: server.target, preface: [9, 8, 7], timing: .withServer(QuietPeriod()))
    let leg = try await tokenPort.accept()
    #expect(try await leg.read(32) == token.bytes)
    let upstream = try await server.accept()
    #expect(try await upstream.read(3) == [9, 8, 7])
    try leg.writeNow([1, 2, 3])
    #expect(try await upstream.read(3) == [1, 2, 3])
    await engine.stop()
  }

  @Test func aServerThatIsDownCostsNoTokenThatIsHeldBack() async throws {
    let tokenPort = try TestServer()
    let dead = try DeadPort()
    let engine = RelayEngine(.forTests())
    try engine.start()
    let log = EventLog(engine)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let stream = engine.join(
      token: token, at: tokenPort.target, upstream: dead.target, timing: .withServer(QuietPeriod()))
    #expect(try await log.dialFailed() == .upstream)
    #expect(try await log.ended(stream).cause == .upstreamUnreachable)
    // The kernel may have completed the connection; nothing was said on it. Whoever connects now is accepted behind it.
    let late = try TestSocket.connect(port: tokenPort.port)
    try late.writeNow([1])
    late.endWriting()
    var said = try await tokenPort.accept().readToEnd()
    if said.isEmpty { said = try await tokenPort.accept().readToEnd() }
    #expect(said == [1])
    await engine.stop()
  }

  @Test func aServerThatIsFoundToBeDownLateIsToldDownstream() async throws {
    let tokenPort = try TestServer()
    let dead = try DeadPort()
    let engine = RelayEngine(.forTests())
    try engine.start()
    let log = EventLog(engine)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let quiet = QuietPeriod()
    #expect(quiet.end())
    let stream = engine.join(token: token, at: tokenPort.target, upstream: dead.target, timing: .withServer(quiet))
    let leg = try await tokenPort.accept()
    #expect(try await leg.readToEnd() == token.bytes + alert80)
    leg.close()
    #expect(try await log.ended(stream).cause == .upstreamUnreachable)
    await engine.stop()
  }

  @Test func withoutATokenPortTheServerIsLetGo() async throws {
    let server = try TestServer()
    let dead = try DeadPort()
    let engine = RelayEngine(.forTests())
    try engine.start()
    let log = EventLog(engine)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let stream = engine.join(token: token, at: dead.target, upstream: server.target)
    #expect(try await log.dialFailed() == .tokenPort)
    let summary = try await log.ended(stream)
    #expect(summary.cause == .tokenPortUnreachable)
    #expect(summary.detail?.contains("127.0.0.1:\(dead.port)") == true)
    await engine.stop()
  }

  @Test func aServerThatDoesNotAnswerIsGivenUpAfterTheDialTimeout() async throws {
    let tokenPort = try TestServer()
    // A full queue: the kernel drops further connection requests.
    let full = try TestServer(backlog: 0)
    let blockers = try (0..<1).map { _ in try TestSocket.connect(port: full.port) }
    let engine = RelayEngine(.forTests { $0.dialTimeout = .milliseconds(300) })
    try engine.start()
    let log = EventLog(engine)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let stream = engine.join(token: token, at: tokenPort.target, upstream: full.target)
    let leg = try await tokenPort.accept()
    #expect(try await leg.readToEnd() == token.bytes + alert80)
    leg.close()
    #expect(try await log.ended(stream).cause == .upstreamUnreachable)
    withExtendedLifetime(blockers) {}
    await engine.stop()
  }

  @Test func aJoinBeyondTheLimitEndsAtOnce() async throws {
    let engine = RelayEngine(
      .forTests { $0.maxStreams = 1 })
    try engine.start()
    let log = EventLog(engine)
    let silent = try TestServer()
    let full = try TestServer(backlog: 0)
    let blocker = try TestSocket.connect(port: full.port)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let first = engine.join(token: token, at: silent.target, upstream: full.target)
    let leg = try await silent.accept()
    let second = engine.join(token: token, at: silent.target, upstream: full.target)
    #expect(try await log.ended(second).cause == .tooManyStreams)
    engine.cancel(first)
    #expect(try await log.ended(first).cause == .cancelled)
    withExtendedLifetime((blocker, leg)) {}
    await engine.stop()
  }
}
