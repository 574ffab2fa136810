import ClientHello
import Glibc
import Testing

@testable import Relay

/// What a client gets before there is anything to relay.
@Suite(.timeLimit(.minutes(5)))
struct HelloPhaseTests {
  @Test func aSilentClientIsClosedAfterTheHelloTimeout() async throws {
    let side = try PublicSide(.forTests { $0.helloTimeout = .milliseconds(200) })
    let client = try TestSocket.connect(port: side.clientPort)
    #expect(try await client.readToEnd() == [])
    #expect(try await side.log.ended().cause == .helloTimeout)
    #expect(side.engine.snapshot().streams == 0)
    await side.engine.stop()
  }

  @Test func aDribblingClientDoesNotExtendTheHelloTimeout() async throws {
    let side = try PublicSide(.forTests { $0.helloTimeout = .milliseconds(400) })
    let client = try TestSocket.connect(port: side.clientPort)
    // So long that its last byte comes too late whatever the machine does: nearly a minute.
    let hello = Hello.bytes(for: String(repeating: "a", count: 1000))
    let cause: Task<EndCause, any Error> = Task { try await side.log.ended().cause }
    try await onThread {
      for byte in hello {
        var waiting = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&waiting, 1, 50) != 0 { return }
        // Closed just now.
        if (try? client.writeNow([byte])) == nil { return }
      }
    }
    #expect(try await cause.value == .helloTimeout)
    #expect(side.engine.snapshot().helloBytesHeld == 0)
    await side.engine.stop()
  }

  @Test func whatIsNotTLSIsClosedWithoutAWord() async throws {
    let side = try PublicSide()
    let client = try side.client(saying: Array("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".utf8))
    #expect(try await client.readToEnd() == [])
    let summary = try await side.log.ended()
    #expect(summary.cause == .notTLS)
    #expect(summary.detail == "plain_http")
    await side.engine.stop()
  }

  @Test func aBrokenHelloGetsAnAlert() async throws {
    let side = try PublicSide()
    var hello = Hello.bytes(for: "a.example")
    // The session id is longer than 32 bytes.
    hello[43] = 33
    let client = try side.client(saying: hello)
    #expect(try await client.readToEnd() == TLSAlert.decodeError.record)
    client.close()
    #expect(try await side.log.ended().cause == .malformedHello)
    await side.engine.stop()
  }

  @Test func aHelloWithoutANameGetsAlert109() async throws {
    let side = try PublicSide()
    let client = try side.client(saying: Hello.bytes(for: nil))
    #expect(try await client.readToEnd() == TLSAlert.missingExtension.record)
    client.close()
    #expect(try await side.log.ended().cause == .noServerName)
    await side.engine.stop()
  }

  @Test func aClientThatClosesInItsHelloIsIncomplete() async throws {
    let side = try PublicSide()
    let client = try side.client(saying: Array(Hello.bytes(for: "a.example").prefix(20)))
    client.endWriting()
    #expect(try await client.readToEnd() == [])
    #expect(try await side.log.ended().cause == .helloIncomplete)
    await side.engine.stop()
  }

  @Test(arguments: [0, 1000, 65_536])
  func anAlertReachesAClientThatSentMoreBehindItsHello(extra: Int) async throws {
    let side = try PublicSide { engine, _, stream, _ in engine.refuse(stream, with: .unrecognizedName, cause: .unknownName) }
    let client = try side.client(saying: Hello.bytes(for: "nobody.example") + [UInt8](repeating: 9, count: extra))
    #expect(try await client.readToEnd() == TLSAlert.unrecognizedName.record)
    client.close()
    let summary = try await side.log.ended()
    #expect(summary.cause == .unknownName)
    #expect(summary.serverName == "nobody.example")
    await side.engine.stop()
  }

  @Test func aRefusedClientThatStaysIsClosedAfterTheDiscardTime() async throws {
    let side = try PublicSide(.forTests { $0.discardTimeout = .milliseconds(200) }) { engine, _, stream, _ in
      engine.refuse(stream, with: .accessDenied, cause: .policy)
    }
    let client = try side.client()
    #expect(try await side.log.ended().cause == .policy)
    #expect(try await client.readToEnd() == TLSAlert.accessDenied.record)
    await side.engine.stop()
  }

  @Test func withoutADecisionTheClientGetsAlert80() async throws {
    let side = try PublicSide(.forTests { $0.tokenWait = .milliseconds(200) })
    let client = try side.client()
    #expect(try await client.readToEnd() == alert80)
    client.close()
    #expect(try await side.log.ended().cause == .waitedTooLong)
    #expect(side.engine.snapshot().waiting == 0)
    await side.engine.stop()
  }

  @Test func withoutATokenTheClientGetsAlert80() async throws {
    let side = try PublicSide(.forTests { $0.tokenWait = .milliseconds(200) }) { engine, _, stream, _ in
      _ = engine.awaitHandover(of: stream)
    }
    let client = try side.client()
    #expect(try await client.readToEnd() == alert80)
    client.close()
    #expect(try await side.log.ended().cause == .waitedTooLong)
    await side.engine.stop()
  }

  @Test func aWaitingClientThatIsResetFreesItsSlotAndItsToken() async throws {
    let side = try PublicSide()
    let client = try side.client()
    let stream = try await side.log.hello()
    let token = side.engine.awaitHandover(of: stream)
    client.reset()
    #expect(try await side.log.ended(stream).cause == .clientGone)
    let counters = side.engine.snapshot()
    #expect(counters.waiting == 0 && counters.streams == 0 && counters.helloBytesHeld == 0)
    let leg = try TestSocket.connect(port: side.tokenPort)
    try leg.writeNow(token.bytes)
    #expect(try await leg.readUntilFailure() == 0)
    #expect(side.engine.snapshot().tokensRefused == 1)
    await side.engine.stop()
  }

  @Test func aWaitingClientThatEndsItsHalfIsKept() async throws {
    let side = try PublicSide()
    let client = try side.client()
    client.endWriting()
    let stream = try await side.log.hello()
    let token = side.engine.awaitHandover(of: stream)
    let leg = try TestSocket.connect(port: side.tokenPort)
    try leg.writeNow(token.bytes)
    #expect(try await leg.readToEnd() == Hello.bytes(for: "a.example"))
    try leg.writeNow([1, 2, 3])
    leg.endWriting()
    #expect(try await client.readToEnd() == [1, 2, 3])
    #expect(try await side.log.ended(stream).cause == .finished)
    await side.engine.stop()
  }

  @Test func beyondTheLimitOnStreamsClientsAreClosedAtOnce() async throws {
    let side = try PublicSide(.forTests { $0.maxStreams = 2 })
    let first = try side.client()
    _ = try await side.log.hello()
    let second = try side.client(saying: Hello.bytes(for: "b.example"))
    _ = try await side.log.first("the second hello") {
      if case .helloArrived(_, let facts, _) = $0, facts.serverName == "b.example" { true } else { nil }
    }
    let third = try TestSocket.connect(port: side.clientPort)
    #expect(try await third.readUntilFailure() == 0)
    let count = try await side.log.first("a notice") { if case .notice(.limitReached(.streams, _, let count)) = $0 { count } else { nil } }
    #expect(count == 1)
    #expect(side.engine.snapshot().limitsReached[.streams] == 1)
    first.reset()
    _ = try await side.log.ended()
    let fourth = try side.client(saying: Hello.bytes(for: "d.example"))
    _ = try await side.log.first("the fourth hello") {
      if case .helloArrived(_, let facts, _) = $0, facts.serverName == "d.example" { true } else { nil }
    }
    withExtendedLifetime((second, fourth)) {}
    await side.engine.stop()
  }

  @Test func oneSourceCannotTakeAllStreams() async throws {
    let side = try PublicSide(
      .forTests {
        $0.maxStreams = 10
        $0.maxStreamsPerSource = 1
      })
    let first = try side.client()
    _ = try await side.log.hello()
    let second = try TestSocket.connect(port: side.clientPort)
    #expect(try await second.readUntilFailure() == 0)
    #expect(side.engine.snapshot().streams == 1)
    withExtendedLifetime(first) {}
    await side.engine.stop()
  }

  @Test func waitingClientsAndHelloBytesAreBounded() async throws {
    let side = try PublicSide(
      .forTests {
        $0.maxWaiting = 1
        $0.helloBudget = 400
      })
    let first = try side.client()
    _ = try await side.log.hello()
    let second = try side.client()
    #expect(try await second.readToEnd() == alert80)
    second.close()
    #expect(try await side.log.ended().cause == .tooManyWaiting)
    let third = try side.client(saying: [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3] + [UInt8](repeating: 0, count: 390))
    #expect(try await third.readToEnd() == alert80)
    third.close()
    let detail = try await side.log.first("the budget's refusal") {
      if case .ended(let summary) = $0, summary.cause == .helloBudget { summary.detail } else { nil }
    }
    #expect(detail == "hello_budget")
    first.reset()
    _ = try await side.log.first("the first one's end") {
      if case .ended(let summary) = $0, summary.cause == .clientGone { true } else { nil }
    }
    #expect(side.engine.snapshot().helloBytesHeld == 0)
    await side.engine.stop()
  }
}
