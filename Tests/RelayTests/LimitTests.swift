import ClientHello
import Glibc
import Harness
import Limits
import Testing

@testable import Relay

/// What one source or one name can take, and what is left for the others. Sources are addresses of the loopback network.
@Suite(.timeLimit(.minutes(5)))
struct LimitTests {
  private static let hourly = Pace(2, per: .seconds(3600))

  @Test func aSourceThatComesTooOftenIsClosedAtOnceAndAnotherIsServed() async throws {
    let side = try PublicSide(
      .forTests {
        $0.loops = 1
        $0.sourceRates = [Self.hourly]
      })
    let noisy = try (0..<2).map { _ in try TestSocket.connect(port: side.clientPort, from: "127.0.0.5") }
    for client in noisy { try client.writeNow(Hello.bytes(for: "a.example")) }
    for _ in 0..<20 {
      let late = try TestSocket.connect(port: side.clientPort, from: "127.0.0.5")
      #expect(try await late.readUntilFailure() == 0, "closed without a word")
    }
    let other = try TestSocket.connect(port: side.clientPort, from: "127.0.0.6")
    try other.writeNow(Hello.bytes(for: "b.example"))
    _ = try await side.log.hello(for: "b.example")
    #expect(side.engine.snapshot().limitsReached[.sourceRate] == 20)
    #expect(side.engine.snapshot().clientsAccepted == 3)
    let (source, count) = try await side.log.limitNotice(.sourceRate)
    #expect(source?.host == "127.0.0.5" && count == 1)
    withExtendedLifetime(noisy) {}
    await side.engine.stop()
  }

  @Test func oneSourceGetsHalfOfTheStreamsAndAnotherIsServed() async throws {
    let side = try PublicSide(
      .forTests {
        $0.loops = 1
        $0.maxStreams = 60
        $0.maxStreamsPerSource = nil
      })
    var held: [TestSocket] = []
    for _ in 0..<30 { held.append(try TestSocket.connect(port: side.clientPort, from: "127.0.0.5")) }
    for _ in 0..<5 {
      let late = try TestSocket.connect(port: side.clientPort, from: "127.0.0.5")
      #expect(try await late.readUntilFailure() == 0)
    }
    #expect(side.engine.snapshot().limitsReached[.streamsPerSource] == 5)
    let other = try TestSocket.connect(port: side.clientPort, from: "127.0.0.6")
    try other.writeNow(Hello.bytes(for: "b.example"))
    _ = try await side.log.hello(for: "b.example")
    // What is given back can be had again.
    held.removeLast().reset()
    _ = try await side.log.ended()
    let again = try TestSocket.connect(port: side.clientPort, from: "127.0.0.5")
    try again.writeNow(Hello.bytes(for: "c.example"))
    _ = try await side.log.hello(for: "c.example")
    await side.engine.stop()
    withExtendedLifetime((held, other)) {}
  }

  @Test func aNameThatIsAskedForTooOftenIsRefusedAndAnotherIsServed() async throws {
    let server = try TestServer()
    let target = server.target
    let side = try PublicSide(
      .forTests {
        $0.nameRates = [Self.hourly]
        $0.decide = { $0.serverName == "a.example" ? .route(target) : .ask }
      })
    server.echo(2)
    for _ in 0..<2 { #expect(try await side.client().read(1) == Array(Hello.bytes(for: "a.example").prefix(1))) }
    for _ in 0..<3 {
      let late = try side.client()
      #expect(try await late.readToEnd() == alert80)
      late.close()
    }
    let end = try await side.log.ended(by: .tooOften)
    #expect(end.detail == "name_rate_limits" && end.serverName == "a.example")
    #expect(side.engine.snapshot().limitsReached[.nameRate] == 3)
    // A name that the control plane is asked about is counted in the same way.
    var counted: [StreamID] = []
    for _ in 0..<2 {
      let client = try side.client(saying: Hello.bytes(for: "b.example"))
      // Another loop must not come to a later client first.
      let stream = try await side.log.first("another hello for b.example") { [counted] in
        if case .helloArrived(let stream, let facts, _) = $0, facts.serverName == "b.example", !counted.contains(stream) {
          stream
        } else {
          nil
        }
      }
      counted.append(stream)
      client.close()
    }
    let late = try side.client(saying: Hello.bytes(for: "b.example"))
    #expect(try await late.readToEnd() == alert80)
    await side.engine.stop()
  }

  @Test func theStreamsOfOneNameAreBoundedAlsoWhereTheLoopRoutesThem() async throws {
    let server = try TestServer()
    let target = server.target
    let side = try PublicSide(
      .forTests {
        $0.maxStreamsPerName = 2
        $0.decide = { $0.serverName == "a.example" ? .route(target) : .ask }
      })
    server.echo(4)
    let held = try [side.client(), side.client()]
    for client in held { _ = try await client.read(1) }
    let late = try side.client()
    #expect(try await late.readToEnd() == alert80)
    late.close()
    #expect(try await side.log.ended(by: .tooManyStreams).detail == "max_streams_per_name")
    let other = try side.client(saying: Hello.bytes(for: "b.example"))
    _ = try await side.log.hello(for: "b.example")
    held[0].reset()
    _ = try await side.log.ended(by: .clientReset)
    _ = try await side.client().read(1)
    await side.engine.stop()
    withExtendedLifetime((held, other)) {}
  }

  @Test func clientsOfANameThatDoesNotAnswerLeaveRoomForThoseOfOthers() async throws {
    let side = try PublicSide(.forTests { $0.maxWaiting = 40 })
    // 20 of 40 are left to others, whoever they are.
    var held: [TestSocket] = []
    for number in 0..<20 {
      held.append(try side.client())
      try await side.log.hellos(number + 1)
    }
    let late = try side.client()
    #expect(try await late.readToEnd() == alert80)
    late.close()
    #expect(try await side.log.ended(by: .tooManyWaiting).detail == "max_waiting_per_name")
    #expect(side.engine.snapshot().waiting == 20)
    let other = try TestSocket.connect(port: side.clientPort, from: "127.0.0.7")
    try other.writeNow(Hello.bytes(for: "b.example"))
    let stream = try await side.log.hello(for: "b.example")
    let leg = try TestSocket.connect(port: side.tokenPort)
    try leg.writeNow(side.engine.awaitHandover(of: stream).bytes)
    #expect(try await leg.read(1) == [22])
    await side.engine.stop()
    #expect(side.engine.snapshot().waiting == 0)
  }

  @Test func oneSourceCannotTakeAllWaitingPlacesWithManyNames() async throws {
    let side = try PublicSide(.forTests { $0.maxWaiting = 40 })
    var held: [TestSocket] = []
    for number in 0..<20 {
      held.append(try side.client(saying: Hello.bytes(for: "n\(number).example")))
      try await side.log.hellos(number + 1)
    }
    let late = try side.client(saying: Hello.bytes(for: "late.example"))
    #expect(try await late.readToEnd() == alert80)
    late.close()
    #expect(try await side.log.ended(by: .tooManyWaiting).detail == "max_waiting_per_source")
    let other = try TestSocket.connect(port: side.clientPort, from: "127.0.0.7")
    try other.writeNow(Hello.bytes(for: "other.example"))
    _ = try await side.log.hello(for: "other.example")
    await side.engine.stop()
    withExtendedLifetime(held) {}
  }

  @Test func silentConnectionsOfOneSourceDoNotFillTheTokenPort() async throws {
    let side = try PublicSide(
      .forTests {
        $0.loops = 1
        $0.maxPresenting = 40
      })
    let client = try side.client()
    let token = side.engine.awaitHandover(of: try await side.log.hello())
    let silent = try (0..<30).map { _ in try TestSocket.connect(port: side.tokenPort, from: "127.0.0.8") }
    for late in silent.suffix(10) { #expect(try await late.readUntilFailure() == 0) }
    #expect(side.engine.snapshot().limitsReached[.presentingPerSource] == 10)
    let leg = try TestSocket.connect(port: side.tokenPort, from: "127.0.0.9")
    try leg.writeNow(token.bytes)
    #expect(try await leg.read(1) == [22])
    // Closed without a word: a notice says so, and the connections of clients are not meant.
    _ = try await side.log.limitNotice(.presentingPerSource)
    #expect(side.engine.snapshot().limitsReached[.streams] == 0)
    await side.engine.stop()
    withExtendedLifetime(client) {}
  }

  @Test func aNameThatNobodyHasIsRefusedOnTheLoopAndIsNotCounted() async throws {
    let side = try PublicSide(
      .forTests {
        $0.nameRates = [Self.hourly]
        $0.refusalsTold = 0
        $0.loops = 1
        $0.decide = { $0.serverName == "a.example" ? .ask : .refuse(.unrecognizedName, .unknownName) }
      })
    for _ in 0..<10 {
      let client = try side.client(saying: Hello.bytes(for: "b.example"))
      #expect(try await client.readToEnd() == TLSAlert.unrecognizedName.record)
    }
    // All are counted; the control plane hears of no more than it wants to, and of none that it could wait for.
    let asking = try side.client()
    _ = try await side.log.hello(for: "a.example")
    try await eventually("all of them are counted") { side.engine.snapshot().ended[.unknownName] == 10 }
    #expect(side.engine.snapshot().limitsReached[.nameRate] == 0)
    await side.engine.stop()
    // Told behind all others of this loop.
    _ = try await side.log.ended(by: .stopped)
    #expect(!side.log.all.contains { if case .ended(let summary) = $0 { summary.cause == .unknownName } else { false } })
    #expect(!side.log.all.contains { if case .helloArrived(_, let facts, _) = $0 { facts.serverName == "b.example" } else { false } })
    withExtendedLifetime(asking) {}
  }

  @Test func aStreamThatTheControlPlaneKnowsIsAlwaysTold() async throws {
    let side = try PublicSide(.forTests { $0.refusalsTold = 0 }) { engine, _, stream, _ in
      engine.refuse(stream, with: .internalError, cause: .privateSideAway)
    }
    for _ in 0..<3 { #expect(try await side.client().readToEnd() == alert80) }
    try await side.log.ended(3)
    await side.engine.stop()
  }
}

extension EventLog {
  fileprivate func hello(for name: String) async throws -> StreamID {
    try await first("a hello for \(name)") {
      if case .helloArrived(let stream, let facts, _) = $0, facts.serverName == name { stream } else { nil }
    }
  }

  /// Returns when so many hellos have come.
  fileprivate func hellos(_ count: Int) async throws {
    let seen = Counter()
    _ = try await first("\(count) hellos") { event in event.helloStream != nil && seen.next() == count ? true : nil }
  }

  fileprivate func ended(by cause: EndCause) async throws -> StreamSummary {
    try await first("an end by \(cause)") { if case .ended(let summary) = $0, summary.cause == cause { summary } else { nil } }
  }

  fileprivate func limitNotice(_ limit: RelayLimit) async throws -> (SocketAddressText?, UInt64) {
    try await first("a notice of \(limit)") {
      if case .notice(.limitReached(limit, let source, let count)) = $0 { (source, count) } else { nil }
    }
  }
}
