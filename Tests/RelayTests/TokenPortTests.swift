import ClientHello
import Glibc
import Testing

@testable import Relay

/// What connections on the token port can and cannot do.
@Suite(.timeLimit(.minutes(5)))
struct TokenPortTests {
  @Test func aTokenInSeveralSegmentsWithDataBehindItIsFine() async throws {
    let side = try PublicSide()
    let client = try side.client()
    let token = side.engine.awaitHandover(of: try await side.log.hello())
    let leg = try TestSocket.connect(port: side.tokenPort)
    for byte in token.bytes.dropLast() { try leg.writeNow([byte]) }
    try leg.writeNow([token.bytes[31], 65, 66, 67])
    #expect(try await client.read(3) == [65, 66, 67])
    await side.engine.stop()
  }

  @Test func dataInTheSameSegmentAsTheTokenReachesTheClient() async throws {
    let side = try PublicSide()
    let client = try side.client()
    let token = side.engine.awaitHandover(of: try await side.log.hello())
    let leg = try TestSocket.connect(port: side.tokenPort)
    let payload = Pattern.bytes(10_000, seed: 4)
    try leg.writeNow(token.bytes + payload)
    leg.endWriting()
    #expect(try await client.readToEnd() == payload)
    await side.engine.stop()
  }

  @Test func wrongShortAndRepeatedTokensAreClosedAndTheClientIsUntouched() async throws {
    let side = try PublicSide()
    let client = try side.client()
    let token = side.engine.awaitHandover(of: try await side.log.hello())
    // Another token; one that is right in the half that is looked up; one that is right but for its last byte.
    var guesses: [[UInt8]] = [[UInt8](repeating: 1, count: 32), Array(token.bytes.prefix(16)) + [UInt8](repeating: 0, count: 16)]
    guesses.append(Array(token.bytes.dropLast()) + [token.bytes[31] ^ 1])
    for guess in guesses {
      let leg = try TestSocket.connect(port: side.tokenPort)
      try leg.writeNow(guess)
      #expect(try await leg.readUntilFailure() == 0)
    }
    let short = try TestSocket.connect(port: side.tokenPort)
    try short.writeNow(Array(token.bytes.prefix(31)))
    short.endWriting()
    #expect(try await short.readUntilFailure() == 0)

    let leg = try TestSocket.connect(port: side.tokenPort)
    try leg.writeNow(token.bytes)
    #expect(try await leg.read(Hello.bytes(for: "a.example").count) == Hello.bytes(for: "a.example"))
    let again = try TestSocket.connect(port: side.tokenPort)
    try again.writeNow(token.bytes)
    #expect(try await again.readUntilFailure() == 0)
    try leg.writeNow([7])
    #expect(try await client.read(1) == [7])
    let counters = side.engine.snapshot()
    #expect(counters.tokensMatched == 1)
    #expect(counters.tokensRefused == 5)
    await side.engine.stop()
  }

  @Test(arguments: 0..<3) func ofSeveralTokensTheFirstThatIsPresentedTakesTheClientAndTheOthersAreWorthless(_ winner: Int) async throws {
    let side = try PublicSide()
    let client = try side.client()
    let stream = try await side.log.hello()
    let tokens = (0..<3).map { _ in side.engine.awaitHandover(of: stream) }
    #expect(Set(tokens).count == 3)
    let leg = try TestSocket.connect(port: side.tokenPort)
    try leg.writeNow(tokens[winner].bytes)
    #expect(try await leg.read(Hello.bytes(for: "a.example").count) == Hello.bytes(for: "a.example"))
    for token in tokens {
      let late = try TestSocket.connect(port: side.tokenPort)
      try late.writeNow(token.bytes)
      #expect(try await late.readUntilFailure() == 0)
    }
    try leg.writeNow([7])
    #expect(try await client.read(1) == [7])
    // Nor does a token help that is ordered now.
    let late = try TestSocket.connect(port: side.tokenPort)
    try late.writeNow(side.engine.awaitHandover(of: stream).bytes)
    #expect(try await late.readUntilFailure() == 0)
    #expect(side.engine.snapshot().tokensMatched == 1)
    await side.engine.stop()
  }

  @Test func aFurtherTokenDoesNotMakeTheWaitLonger() async throws {
    let side = try PublicSide(.forTests { $0.tokenWait = .milliseconds(300) })
    let client = try side.client()
    let stream = try await side.log.hello()
    let first = side.engine.awaitHandover(of: stream)
    let asking = Task {
      while !Task.isCancelled {
        _ = side.engine.awaitHandover(of: stream)
        try await Task.sleep(for: .milliseconds(50))
      }
    }
    #expect(try await client.readToEnd() == alert80)
    asking.cancel()
    let leg = try TestSocket.connect(port: side.tokenPort)
    try leg.writeNow(first.bytes)
    #expect(try await leg.readUntilFailure() == 0)
    await side.engine.stop()
  }

  @Test func aTokenThatDoesNotComeInTimeIsClosed() async throws {
    let side = try PublicSide(.forTests { $0.tokenPresentation = .milliseconds(200) })
    let leg = try TestSocket.connect(port: side.tokenPort)
    try leg.writeNow([1, 2, 3])
    #expect(try await leg.readUntilFailure() != EAGAIN)
    #expect(side.engine.snapshot().tokensRefused == 1)
    await side.engine.stop()
  }

  @Test func aTokenAfterTheWaitIsOver() async throws {
    let side = try PublicSide(.forTests { $0.tokenWait = .milliseconds(100) })
    let client = try side.client()
    let token = side.engine.awaitHandover(of: try await side.log.hello())
    #expect(try await client.readToEnd() == alert80)
    let leg = try TestSocket.connect(port: side.tokenPort)
    try leg.writeNow(token.bytes)
    #expect(try await leg.readUntilFailure() == 0)
    await side.engine.stop()
  }

  @Test func connectionsThatShowNoTokenAreBounded() async throws {
    let side = try PublicSide(.forTests { $0.maxPresenting = 1 })
    let first = try TestSocket.connect(port: side.tokenPort)
    let second = try TestSocket.connect(port: side.tokenPort)
    // One of the two is turned away, whichever was accepted later.
    var waiting = [first, second].map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    let ready = try await onThread { [waiting] in
      var waiting = waiting
      return poll(&waiting, 2, 10_000)
    }
    #expect(ready == 1)
    waiting.removeAll()
    await side.engine.stop()
  }
}
