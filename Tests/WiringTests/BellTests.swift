import Testing
import Wiring

@Suite struct BellTests {
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

  @Test func aCancelledTaskDoesNotWait() async {
    let bell = Bell()
    let task = Task { await bell.wait(atMost: .seconds(60)) }
    task.cancel()
    await task.value
  }
}
