import Testing
import Wiring

@Suite struct LatchTests {
  @Test func whoeverWaitsGoesOnWhenItOpens() async {
    let latch = Latch()
    async let first: Void = latch.wait()
    async let second: Void = latch.wait()
    latch.open()
    _ = await (first, second)
    #expect(latch.isOpen)
  }

  @Test func whoeverComesLateDoesNotWait() async {
    let latch = Latch()
    latch.open()
    latch.open()
    await latch.wait()
    #expect(latch.isOpen)
  }

  @Test func aCancelledTaskDoesNotWait() async {
    let latch = Latch()
    let task = Task { await latch.wait() }
    task.cancel()
    await task.value
    #expect(!latch.isOpen)
  }
}
