import ClientHello
import Glibc
import Testing

@testable import Relay

/// The private side with several servers: the hello that comes over the leg decides.
@Suite(.timeLimit(.minutes(2)))
struct HelloJoinTests {
  /// A private engine, the token port it dials, and the leg that comes of it, behind its token.
  private struct Rig {
    let engine: RelayEngine
    let log: EventLog
    let stream: StreamID
    let leg: TestSocket

    init(
      _ settings: RelaySettings = .forTests(), serverName: String = "a.example",
      onHello: @escaping @Sendable (RelayEngine, StreamID, ClientHelloFacts) -> Void = { _, _, _ in }
    ) async throws {
      let engine = RelayEngine(settings)
      try engine.start()
      self.engine = engine
      log = EventLog(engine) { [weak engine] stream, facts in
        if let engine { onHello(engine, stream, facts) }
      }
      let tokenPort = try TestServer()
      let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
      stream = engine.join(token: token, at: tokenPort.target, serverName: serverName)
      leg = try await tokenPort.accept()
      #expect(try await leg.read(32) == token.bytes)
    }

    func end() async throws -> StreamSummary {
      let summary = try await log.ended(stream)
      await engine.stop()
      let counters = engine.snapshot()
      #expect(counters.streams == 0 && counters.waiting == 0 && counters.relaying == 0 && counters.helloBytesHeld == 0)
      return summary
    }
  }

  @Test func theChosenServerGetsAPrefaceBeforeTheHello() async throws {
    let server = try TestServer()
    let target = server.target
    let preface = Pattern.bytes(200, seed: 5)
    let rig = try await Rig { engine, stream, _ in engine.route(stream, to: target, preface: preface) }
    let hello = Hello.bytes(for: "a.example")
    try rig.leg.writeNow(hello + [1])
    let socket = try await server.accept()
    #expect(try await socket.read(preface.count + hello.count + 1) == preface + hello + [1])
    socket.close()
    rig.leg.close()
    _ = try await rig.end()
  }

  @Test func theChosenServerGetsTheVeryBytesThatCame() async throws {
    let server = try TestServer()
    let target = server.target
    let rig = try await Rig { engine, stream, hello in
      if hello.serverName == "a.example" { engine.route(stream, to: target) }
    }
    let hello = Hello.bytes(for: "A.example")
    for byte in hello.dropLast() { try rig.leg.writeNow([byte]) }
    try rig.leg.writeNow([hello[hello.count - 1], 1, 2, 3])
    let socket = try await server.accept()
    #expect(try await socket.read(hello.count + 3) == hello + [1, 2, 3])
    try socket.writeNow([4, 5])
    socket.endWriting()
    #expect(try await rig.leg.readToEnd() == [4, 5])
    // The other half lives on.
    try rig.leg.writeNow([6])
    rig.leg.endWriting()
    #expect(try await socket.readToEnd() == [6])
    let summary = try await rig.end()
    #expect(summary.cause == .finished)
    #expect(summary.serverName == "a.example")
    #expect(summary.bytesUp == UInt64(hello.count + 4))
    #expect(summary.bytesDown == 2)
  }

  @Test func aHelloForAnotherNameThanPromisedIsRefused() async throws {
    let rig = try await Rig { engine, stream, _ in engine.route(stream, to: .host("127.0.0.1", port: 1)) }
    try rig.leg.writeNow(Hello.bytes(for: "b.example"))
    #expect(try await rig.leg.readToEnd() == TLSAlert.accessDenied.record)
    rig.leg.close()
    let summary = try await rig.end()
    #expect(summary.cause == .policy)
    #expect(summary.serverName == "a.example")
    #expect(summary.detail?.contains("b.example") == true)
    #expect(!rig.log.all.contains { if case .helloArrived = $0 { true } else { false } })
  }

  @Test func whatIsRefusedGetsItsAlertOverTheLeg() async throws {
    let rig = try await Rig { engine, stream, _ in engine.refuse(stream, with: .unrecognizedName, cause: .unknownName, detail: "nobody") }
    try rig.leg.writeNow(Hello.bytes(for: "a.example") + [UInt8](repeating: 1, count: 65_536))
    #expect(try await rig.leg.readToEnd() == TLSAlert.unrecognizedName.record)
    rig.leg.close()
    let summary = try await rig.end()
    #expect(summary.cause == .unknownName)
    #expect(summary.detail == "nobody")
  }

  @Test func aHelloWithoutANameAndWhatIsNoHelloGetNoServer() async throws {
    let nameless = try await Rig()
    try nameless.leg.writeNow(Hello.bytes(for: nil))
    #expect(try await nameless.leg.readToEnd() == TLSAlert.missingExtension.record)
    nameless.leg.close()
    #expect(try await nameless.end().cause == .noServerName)
    let plain = try await Rig()
    try plain.leg.writeNow(Array("GET / HTTP/1.1\r\n\r\n".utf8))
    #expect(try await plain.leg.readToEnd() == [])
    #expect(try await plain.end().cause == .notTLS)
  }

  @Test func aServerThatIsDownGivesAlert80() async throws {
    let dead = try DeadPort()
    let target = dead.target
    let rig = try await Rig { engine, stream, _ in engine.route(stream, to: target) }
    try rig.leg.writeNow(Hello.bytes(for: "a.example"))
    #expect(try await rig.leg.readToEnd() == alert80)
    rig.leg.close()
    #expect(try await rig.log.dialFailed() == .upstream)
    #expect(try await rig.end().cause == .upstreamUnreachable)
  }

  @Test func aLegThatEndsOrStaysSilentBeforeItsHelloIsLetGo() async throws {
    let ended = try await Rig()
    ended.leg.close()
    #expect(try await ended.end().cause == .helloIncomplete)
    let silent = try await Rig(.forTests { $0.helloTimeout = .milliseconds(100) })
    #expect(try await silent.leg.readToEnd() == [])
    #expect(try await silent.end().cause == .helloTimeout)
  }

  @Test func noAnswerIsAnAnswerAfterTheWait() async throws {
    let rig = try await Rig(.forTests { $0.tokenWait = .milliseconds(100) })
    try rig.leg.writeNow(Hello.bytes(for: "a.example"))
    #expect(try await rig.leg.readToEnd() == alert80)
    rig.leg.close()
    #expect(try await rig.end().cause == .waitedTooLong)
  }

  /// The client at the other end of the leg must not take this for an orderly end.
  @Test func aStreamThatIsCancelledBeforeItsServerIsKnownIsReset() async throws {
    let rig = try await Rig()
    rig.engine.cancel(rig.stream)
    #expect(try await rig.leg.readUntilFailure() == ECONNRESET)
    #expect(try await rig.end().cause == .cancelled)
    let decided = try await Rig()
    try decided.leg.writeNow(Hello.bytes(for: "a.example"))
    _ = try await decided.log.hello()
    await decided.engine.stop()
    #expect(try await decided.leg.readUntilFailure() == ECONNRESET)
    #expect(try await decided.log.ended(decided.stream).cause == .stopped)
  }

  @Test func withoutATokenPortNobodyIsAsked() async throws {
    let dead = try DeadPort()
    let engine = RelayEngine(.forTests())
    try engine.start()
    let log = EventLog(engine)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let stream = engine.join(token: token, at: dead.target, serverName: "a.example")
    #expect(try await log.ended(stream).cause == .tokenPortUnreachable)
    #expect(try await log.dialFailed() == .tokenPort)
    await engine.stop()
  }
}
