import ClientHello
import Glibc
import Harness
import Testing

@testable import Relay

/// Stopping while a stream is in one phase of its life, twice at a time: every socket is closed, every figure is back at zero, the
/// events end, and every peer finds out.
@Suite(.timeLimit(.minutes(5)))
struct StopTests {
  enum Moment: String, CaseIterable, Sendable {
    case hello, deciding, waiting, presenting, dialing, relaying, discarding, draining
  }

  @Test(arguments: Moment.allCases) func stoppingThePublicSide(during moment: Moment) async throws {
    let server = try TestServer()
    let full = try FullServer()
    let (toServer, toFull) = (server.target, full.target)
    let side = try PublicSide(host: ownHost()) { engine, _, stream, _ in
      switch moment {
      case .waiting: _ = engine.awaitHandover(of: stream)
      case .dialing: engine.route(stream, to: toFull)
      case .relaying, .draining: engine.route(stream, to: toServer)
      case .discarding: engine.refuse(stream, with: .accessDenied, cause: .policy)
      case .hello, .deciding, .presenting: break
      }
    }
    let client =
      moment == .presenting
      ? try TestSocket.connect(host: side.host, port: side.tokenPort)
      : try side.client(saying: moment == .hello ? [22, 3, 1] : Hello.bytes(for: "a.example"))
    let counters = { side.engine.snapshot() }
    switch moment {
    case .hello: try await eventually("the client is accepted") { counters().helloBytesHeld == 3 }
    case .presenting: try await eventually("the connection is accepted") { counters().tokenConnectionsAccepted == 1 }
    case .deciding: _ = try await side.log.hello()
    case .waiting: try await eventually("a token is drawn") { counters().tokensDrawn == 1 }
    case .dialing: try await eventually("the dial has begun") { counters().dialsStarted == 1 }
    case .relaying, .draining: _ = try await side.log.joined()
    case .discarding: #expect(try await client.read(7) == TLSAlert.accessDenied.record)
    }
    #expect(acceptedDescriptors(at: side.host) >= 2, "the listeners at least")
    if moment == .draining {
      async let draining: Void = side.engine.drain(limit: .seconds(600))
      try await onThread {
        // The drain has begun when new clients find nobody.
        while (try? TestSocket.connect(host: side.host, port: side.clientPort)) != nil { sched_yield() }
      }
      await stopTwice(side.engine)
      await draining
    } else {
      await stopTwice(side.engine)
    }
    let code = try await client.readUntilFailure()
    #expect(code == 0 || code == ECONNRESET)
    expectNothingLeft(side.engine, at: side.host)
    let expected: EndCause? =
      switch moment {
      case .presenting: nil
      case .discarding: .policy
      case .hello, .deciding, .waiting, .dialing, .relaying, .draining: .stopped
      }
    if let expected { #expect(counters().ended[expected, default: 0] >= 1, "\(counters())") }
    #expect(throws: SystemFailure.self) { try TestSocket.connect(host: side.host, port: side.clientPort) }
  }

  @Test func stoppingWhileClientsAreBeingAccepted() async throws {
    let server = try TestServer()
    let target = server.target
    let side = try PublicSide(host: ownHost()) { engine, _, stream, _ in engine.route(stream, to: target) }
    // They connect as fast as they can, until nobody answers.
    let clients = (0..<4).map { _ in
      Task {
        try await onThread {
          var mine: [TestSocket] = []
          while mine.count < 200, let client = try? TestSocket.connect(host: side.host, port: side.clientPort) {
            try? client.writeNow(Hello.bytes(for: "a.example"))
            mine.append(client)
          }
          return mine
        }
      }
    }
    _ = try await side.log.joined()
    await stopTwice(side.engine)
    for task in clients {
      for client in try await task.value {
        let code = try await client.readUntilFailure()
        #expect(code == 0 || code == ECONNRESET)
      }
    }
    expectNothingLeft(side.engine, at: side.host)
  }

  enum PrivateMoment: String, CaseIterable, Sendable {
    case dialingBoth, dialingTheServer, dialingTheTokenPort, relaying, discarding, draining
  }

  @Test(arguments: PrivateMoment.allCases) func stoppingThePrivateSide(during moment: PrivateMoment) async throws {
    let (server, tokenPort, dead) = (try TestServer(), try TestServer(), try DeadPort())
    let (fullServer, fullTokenPort) = (try FullServer(), try FullServer())
    let engine = RelayEngine(.forTests())
    try engine.start()
    let log = EventLog(engine)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let toTokenPort = moment == .dialingBoth || moment == .dialingTheTokenPort ? fullTokenPort.target : tokenPort.target
    let upstream =
      switch moment {
      case .dialingBoth, .dialingTheServer: fullServer.target
      case .discarding: dead.target
      case .dialingTheTokenPort, .relaying, .draining: server.target
      }
    let stream = engine.join(token: token, at: toTokenPort, upstream: upstream)
    var peers: [TestSocket] = []
    switch moment {
    case .dialingBoth: try await eventually("the dials have begun") { engine.snapshot().dialsStarted == 2 }
    case .dialingTheServer: peers = [try await tokenPort.accept()]
    case .dialingTheTokenPort: peers = [try await server.accept()]
    case .relaying, .draining:
      peers = [try await tokenPort.accept(), try await server.accept()]
      #expect(try await log.joined() == stream)
    case .discarding:
      peers = [try await tokenPort.accept()]
      #expect(try await peers[0].read(39) == token.bytes + alert80)
    }
    if moment == .draining {
      async let draining: Void = engine.drain(limit: .seconds(600))
      // Orders keep their sequence: what comes behind the drain is refused.
      while true {
        let late = engine.join(token: token, at: toTokenPort, upstream: upstream)
        if try await log.settled(late) == .stopped { break }
        engine.cancel(late)
      }
      await stopTwice(engine)
      await draining
    } else {
      await stopTwice(engine)
    }
    for peer in peers {
      let code = try await peer.readUntilFailure()
      #expect(code == 0 || code == ECONNRESET)
    }
    let cause = try await log.ended(stream).cause
    #expect(cause == (moment == .discarding ? .upstreamUnreachable : .stopped))
    expectNothingLeft(engine)
  }

  private func stopTwice(_ engine: RelayEngine) async {
    async let first: Void = engine.stop()
    async let second: Void = engine.stop()
    _ = await (first, second)
    await engine.stop()
  }

  private func expectNothingLeft(_ engine: RelayEngine, at host: String? = nil) {
    let counters = engine.snapshot()
    #expect(counters.streams == 0 && counters.waiting == 0 && counters.relaying == 0 && counters.helloBytesHeld == 0, "\(counters)")
    #expect(counters.pipes == 0 && counters.bytesParked == 0)
    if let host { #expect(acceptedDescriptors(at: host) == 0) }
  }
}

extension EventLog {
  /// The cause with which a stream ended, or nil when it was joined.
  fileprivate func settled(_ stream: StreamID) async throws -> EndCause? {
    try await first("the end of \(stream), or that it was joined") { event -> EndCause?? in
      switch event {
      case .ended(let summary) where summary.id == stream: .some(summary.cause)
      case .joined(stream): .some(nil)
      default: nil
      }
    }
  }
}

/// A server whose queue is full: the kernel drops further requests to connect, so that whoever dials waits.
private struct FullServer: Sendable {
  private let server: TestServer
  private let blocker: TestSocket

  init() throws {
    server = try TestServer(backlog: 0)
    blocker = try TestSocket.connect(port: server.port)
  }

  var target: DialTarget { server.target }
}
