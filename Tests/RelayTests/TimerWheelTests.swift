import Testing

@testable import Relay

struct TimerWheelTests {
  @Test func aTimerExpiresAtItsTickAndNotBefore() {
    var wheel = TimerWheel(now: 100)
    wheel.schedule(7, at: 105)
    #expect(wheel.ticksUntilNext() == 5)
    #expect(expired(&wheel, 104) == [])
    #expect(expired(&wheel, 105) == [7])
    #expect(expired(&wheel, 5000) == [])
    #expect(wheel.ticksUntilNext() == nil)
  }

  @Test func aDeadlineThatHasPassedExpiresAtTheNextTick() {
    var wheel = TimerWheel(now: 100)
    wheel.schedule(1, at: 3)
    #expect(wheel.ticksUntilNext() == 1)
    #expect(expired(&wheel, 101) == [1])
  }

  @Test func movingADeadlineForgetsTheOldOne() {
    var wheel = TimerWheel()
    wheel.schedule(1, at: 10)
    wheel.schedule(1, at: 20)
    #expect(expired(&wheel, 15) == [])
    wheel.schedule(1, at: 16)
    #expect(expired(&wheel, 16) == [1])
    #expect(expired(&wheel, 30) == [])
  }

  @Test func aDeadlineThatIsPutOffAndTakenBackExpiresWhenItWasSetLast() {
    var wheel = TimerWheel()
    wheel.schedule(1, at: 10)
    wheel.schedule(1, at: 60)
    wheel.schedule(1, at: 40)
    wheel.schedule(2, at: 10)
    wheel.schedule(2, at: 2000)
    wheel.cancel(2)
    #expect(expired(&wheel, 39) == [])
    #expect(expired(&wheel, 40) == [1])
    #expect(expired(&wheel, 5000) == [])
  }

  @Test func aCancelledTimerDoesNotExpire() {
    var wheel = TimerWheel()
    wheel.cancel(5)
    for timer in UInt32(0)..<4 { wheel.schedule(timer, at: 10) }
    wheel.cancel(1)
    wheel.cancel(1)
    #expect(expired(&wheel, 10).sorted() == [0, 2, 3])
    #expect(wheel.ticksUntilNext() == nil)
  }

  @Test func aDeadlineBeyondTheRingIsKeptAndRoundedUpToASecond() {
    var wheel = TimerWheel(now: 7)
    let deadline: UInt32 = 7 + 112_500
    wheel.schedule(3, at: deadline)
    var when: UInt32 = 7
    while expired(&wheel, when).isEmpty, when < deadline + 100 { when += wheel.ticksUntilNext() ?? 1 }
    #expect(when >= deadline && when < deadline + 32)
  }

  @Test func aLongSleepMissesNothing() {
    var wheel = TimerWheel()
    for timer in UInt32(0)..<2000 { wheel.schedule(timer, at: timer * 3) }
    #expect(expired(&wheel, 100_000).count == 2000)
  }

  @Test func theNextTimerIsFoundAroundTheEndOfTheRing() {
    for start in [UInt32(0), 1000, 1023, 1024, 65_535] {
      for delay in [UInt32(1), 2, 23, 60, 63] {
        var wheel = TimerWheel(now: start)
        wheel.schedule(0, at: start + delay)
        #expect(wheel.ticksUntilNext() == delay)
        #expect(expired(&wheel, start + delay - 1) == [])
        #expect(expired(&wheel, start + delay) == [0])
      }
    }
  }

  @Test func randomDeadlinesExpireInTime() {
    var wheel = TimerWheel()
    var generator = SystemRandomNumberGenerator()
    var due: [UInt32: UInt32] = [:]
    var now: UInt32 = 0
    for _ in 0..<20_000 {
      let timer = UInt32.random(in: 0..<300, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0:
        wheel.cancel(timer)
        due[timer] = nil
      case 1, 2:
        let deadline = now + UInt32.random(in: 0..<3000, using: &generator)
        wheel.schedule(timer, at: deadline)
        due[timer] = deadline
      default:
        now += UInt32.random(in: 0..<50, using: &generator)
        for timer in expired(&wheel, now) {
          let deadline = due.removeValue(forKey: timer)
          #expect(deadline.map { $0 <= now } == true)
        }
        // At most a second late, and the tick at which a deadline is in the past.
        #expect(due.values.allSatisfy { $0 + 33 > now })
      }
    }
  }

  private func expired(_ wheel: inout TimerWheel, _ tick: UInt32) -> [UInt32] {
    var found: [UInt32] = []
    wheel.advance(to: tick, expired: &found)
    return found
  }
}
