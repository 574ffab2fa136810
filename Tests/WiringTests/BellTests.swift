import Testing
import Wiring

@Suite(.timeLimit(.minutes(1))) struct BellTests {
  @Test func whoeverWaitsIsWoken() async {
    let bell = Bell()
    async let woken: Void = bell.wait(atMost: .seconds(60))
    bell.ring()
    await woken
  }

  @Test func ringingBeforeTheWaitCountsOnce() async {
    let bell = Bell()
    bell.ring()
    bell.ring()
    await bell.wait(atMost: .seconds(60))
    await bell.wait(atMost: .milliseconds(1))
  }

  /// The time may be over before the waiter has come to wait for it.
  @Test func aWaitWithoutTimeEnds() async {
    let bell = Bell()
    for _ in 0..<100_000 { await bell.wait(atMost: .zero) }
    bell.ring()
    await bell.wait(atMost: .seconds(60))
  }

  @Test func aCancelledTaskDoesNotWait() async {
    let bell = Bell()
    let task = Task { await bell.wait(atMost: .seconds(60)) }
    task.cancel()
    await task.value
  }
}
