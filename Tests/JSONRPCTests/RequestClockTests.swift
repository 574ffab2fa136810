import Testing

@testable import JSONRPC

private let limits = RequestClock.Limits(head: 10, body: 30, stall: 5, idle: 100)

@Suite struct RequestClockTests {
  @Test func theFirstHeadHasItsTimeFromTheBegin() {
    let clock = RequestClock(limits, now: 1000)
    #expect(clock.verdict(now: 1000) == .wait(until: 1010))
    #expect(clock.verdict(now: 1009) == .wait(until: 1010))
    #expect(clock.verdict(now: 1010) == .close(.head))
  }

  @Test func aBodyMustNotPause() {
    var clock = RequestClock(limits, now: 0)
    clock.headArrived(now: 3)
    #expect(clock.verdict(now: 3) == .wait(until: 8))
    clock.bodyArrived(now: 7)
    #expect(clock.verdict(now: 8) == .wait(until: 12))
    #expect(clock.verdict(now: 12) == .close(.stall))
  }

  @Test func aDribblingBodyEndsWithItsWholeTime() {
    var clock = RequestClock(limits, now: 0)
    clock.headArrived(now: 0)
    for now in stride(from: UInt64(1), through: 29, by: 1) { clock.bodyArrived(now: now) }
    #expect(clock.verdict(now: 29) == .wait(until: 30))
    #expect(clock.verdict(now: 30) == .close(.body))
  }

  @Test func nothingRunsWhileWeWork() {
    var clock = RequestClock(limits, now: 0)
    clock.headArrived(now: 0)
    clock.requestEnded(now: 1)
    #expect(clock.verdict(now: 1_000_000) == .rest)
  }

  @Test func anAnsweredConnectionIsIdle() {
    var clock = RequestClock(limits, now: 0)
    clock.headArrived(now: 0)
    clock.requestEnded(now: 1)
    clock.answerEnded(now: 50)
    #expect(clock.verdict(now: 50) == .wait(until: 150))
    #expect(clock.verdict(now: 150) == .close(.idle))
  }

  @Test func anAnswerThatIsNotTakenEndsTheConnection() {
    var clock = RequestClock(limits, now: 0)
    clock.headArrived(now: 0)
    clock.requestEnded(now: 1)
    clock.writeBegan(now: 10)
    #expect(clock.verdict(now: 14) == .wait(until: 15))
    #expect(clock.verdict(now: 15) == .close(.answer))
    clock.writeEnded(now: 14)
    #expect(clock.verdict(now: 15) == .rest)
  }

  @Test func everyPieceTakenGivesTheNextOneItsTime() {
    var clock = RequestClock(limits, now: 0)
    clock.headArrived(now: 0)
    clock.requestEnded(now: 0)
    clock.writeBegan(now: 10)
    clock.writeBegan(now: 11)
    clock.writeEnded(now: 14)
    #expect(clock.verdict(now: 14) == .wait(until: 19))
  }

  @Test func aRequestBehindAnUnansweredOneOwesNothing() {
    var clock = RequestClock(limits, now: 0)
    clock.headArrived(now: 0)
    clock.requestEnded(now: 0)
    clock.headArrived(now: 0)
    #expect(clock.verdict(now: 1_000_000) == .rest)
    clock.answerEnded(now: 1_000_000)
    #expect(clock.verdict(now: 1_000_000) == .wait(until: 1_000_005))
  }

  @Test func anEarlyAnswerLeavesTheBodyItsTime() {
    var clock = RequestClock(limits, now: 0)
    clock.headArrived(now: 0)
    clock.answerEnded(now: 1)
    #expect(clock.verdict(now: 1) == .wait(until: 5))
  }

  @Test func strayEventsAreIgnored() {
    var clock = RequestClock(limits, now: 0)
    clock.bodyArrived(now: 1)
    clock.writeEnded(now: 2)
    clock.answerEnded(now: 3)
    #expect(clock.verdict(now: 3) == .wait(until: 103))
  }

  @Test func onlyAConnectionWithoutARequestDrainsAtOnce() {
    var clock = RequestClock(limits, now: 0)
    #expect(clock.drain() == .closeNow)
    clock.headArrived(now: 0)
    #expect(clock.drain() == .finishFirst)
    clock.requestEnded(now: 0)
    #expect(clock.drain() == .finishFirst)
    clock.answerEnded(now: 0)
    #expect(clock.drain() == .closeNow)
  }
}
