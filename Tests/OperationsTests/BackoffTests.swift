import Testing

@testable import Operations

struct BackoffTests {
  private func waits(_ kind: Backoff.FailureKind, _ count: Int, random: Double = 0.5) -> [Duration] {
    var backoff = Backoff(randomness: { random })
    return (0..<count).map { _ in backoff.next(after: kind) }
  }

  private func rounded(_ durations: [Duration]) -> [Int] {
    durations.map { Int(($0 / .milliseconds(1)).rounded()) }
  }

  @Test func whatIsUnreachableIsTriedAgainAfterTwoHundredMillisecondsDoublingToOneSecond() {
    #expect(rounded(waits(.unreachable, 5)) == [200, 400, 800, 1000, 1000])
  }

  @Test func whatFailsAfterAcceptingWaitsUpToFiveSeconds() {
    #expect(rounded(waits(.failedAfterAccept, 7)) == [200, 400, 800, 1600, 3200, 5000, 5000])
  }

  @Test func aRefusalWaitsThirtySeconds() {
    #expect(rounded(waits(.refused, 2)) == [30_000, 30_000])
  }

  @Test(arguments: [(0.0, 160), (0.5, 200), (1.0, 240)])
  func waitsVaryByAFifth(random: Double, expected: Int) {
    #expect(rounded(waits(.unreachable, 1, random: random)) == [expected])
  }

  @Test func aThousandFailuresNeitherOverflowNorExceedTheLimit() {
    #expect(waits(.failedAfterAccept, 1000).allSatisfy { $0 <= Backoff.failedLimit })
  }

  @Test func successStartsFromTheShortestWaitAgain() {
    var backoff = Backoff(randomness: { 0.5 })
    for _ in 0..<4 { _ = backoff.next(after: .unreachable) }
    backoff.reset()
    #expect(rounded([backoff.next(after: .unreachable)]) == [200])
  }

  @Test func aChangeOfKindKeepsTheCountUnderTheNewLimit() {
    var backoff = Backoff(randomness: { 0.5 })
    for _ in 0..<5 { _ = backoff.next(after: .failedAfterAccept) }
    #expect(rounded([backoff.next(after: .unreachable)]) == [1000])
  }

  @Test func theOrdinaryRandomnessStaysInBounds() {
    var backoff = Backoff()
    for _ in 0..<200 {
      backoff.reset()
      let wait = backoff.next(after: .unreachable)
      #expect(wait >= .milliseconds(160) && wait <= .milliseconds(240))
    }
  }
}

struct LineSamplerTests {
  private let start = ContinuousClock.now

  @Test func tenLinesPerSecondAndCausePassAndTheRestIsCounted() {
    var sampler = LineSampler()
    let first = (0..<15).map { sampler.admit(cause: "unknown name", now: start + .milliseconds($0)) }
    #expect(first == Array(repeating: .write(swallowed: 0), count: 10) + Array(repeating: .swallow, count: 5))
    #expect(sampler.admit(cause: "unknown name", now: start + .milliseconds(999)) == .swallow)
    #expect(sampler.admit(cause: "unknown name", now: start + .seconds(1)) == .write(swallowed: 6))
    #expect(sampler.admit(cause: "unknown name", now: start + .seconds(1)) == .write(swallowed: 0))
  }

  @Test func causesDoNotShareTheirLines() {
    var sampler = LineSampler()
    for _ in 0..<20 { _ = sampler.admit(cause: "a", now: start) }
    #expect(sampler.admit(cause: "b", now: start) == .write(swallowed: 0))
  }

  @Test func swallowedLinesThatNobodyToldYetCanBeDrained() {
    var sampler = LineSampler()
    for _ in 0..<12 { _ = sampler.admit(cause: "a", now: start) }
    for _ in 0..<11 { _ = sampler.admit(cause: "b", now: start) }
    #expect(sampler.drain().map(\.cause) == ["a", "b"])
    #expect(sampler.drain().isEmpty)
    #expect(sampler.admit(cause: "a", now: start + .seconds(2)) == .write(swallowed: 0))
  }

  @Test func aFloodOfDifferentCausesStaysBounded() {
    var sampler = LineSampler()
    let written = (0..<10_000).count { sampler.admit(cause: "cause \($0)", now: start) != .swallow }
    #expect(written == LineSampler.causeLimit + LineSampler.linesPerSecond)
  }

  @Test func aClockThatStandsStillOrGoesBackIsHarmless() {
    var sampler = LineSampler()
    _ = sampler.admit(cause: "a", now: start)
    #expect(sampler.admit(cause: "a", now: start - .seconds(10)) == .write(swallowed: 0))
  }

  /// Names of peers are causes too: those that are quiet make room.
  @Test func causesThatAreOverMakeRoom() {
    var sampler = LineSampler()
    let now = ContinuousClock.now
    for number in 0..<LineSampler.causeLimit { _ = sampler.admit(cause: "\(number)", now: now) }
    // Beyond the limit all share one window.
    for number in 0..<LineSampler.linesPerSecond { #expect(sampler.admit(cause: "new \(number)", now: now) == .write(swallowed: 0)) }
    #expect(sampler.admit(cause: "one more", now: now) == .swallow)
    #expect(sampler.admit(cause: "one more", now: now + .seconds(1)) == .write(swallowed: 0))
    for _ in 1..<LineSampler.linesPerSecond { _ = sampler.admit(cause: "one more", now: now + .seconds(1)) }
    #expect(sampler.admit(cause: "another", now: now + .seconds(1)) == .write(swallowed: 0))
  }
}
