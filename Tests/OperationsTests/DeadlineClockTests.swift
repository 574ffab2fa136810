import Operations
import Testing

@Suite(.timeLimit(.minutes(1))) struct DeadlineClockTests {
  @Test("what is due is done in the order of its time, what was forgotten is not") func order() async {
    let clock = DeadlineClock()
    let (done, act) = AsyncStream<Int>.makeStream()
    let now = ContinuousClock.now
    _ = clock.watch(until: now + .milliseconds(60)) { act.finish() }
    let forgotten = clock.watch(until: now + .milliseconds(20)) { act.yield(0) }
    _ = clock.watch(until: now + .milliseconds(40)) { act.yield(2) }
    _ = clock.watch(until: now + .milliseconds(10)) { act.yield(1) }
    #expect(clock.forget(forgotten))
    #expect(await done.reduce(into: []) { $0.append($1) } == [1, 2])
    #expect(clock.count == 0)
  }

  @Test("nothing is done before its time") func notBefore() async {
    let clock = DeadlineClock()
    let deadline = ContinuousClock.now + .milliseconds(30)
    let time = await withCheckedContinuation { continuation in
      _ = clock.watch(until: deadline) { continuation.resume(returning: ContinuousClock.now) }
    }
    #expect(time >= deadline)
  }

  @Test("a deadline that is over already is kept") func overAlready() async {
    let clock = DeadlineClock()
    await withCheckedContinuation { continuation in
      _ = clock.watch(until: .now - .seconds(1)) { continuation.resume() }
    }
  }

  @Test("work that ends in time gives its value and leaves nothing") func inTime() async {
    let clock = DeadlineClock()
    #expect(await clock.run(until: .now + .seconds(3600)) { 5 } == 5)
    #expect(clock.count == 0)
  }

  @Test("work that does not is cancelled and gives nothing") func late() async {
    let clock = DeadlineClock()
    let (told, tell) = AsyncStream<Bool>.makeStream()
    let value = await clock.run(until: .now + .milliseconds(20)) {
      await untilCancelled()
      tell.yield(Task.isCancelled)
      tell.finish()
      return 5
    }
    #expect(value == nil)
    #expect(await told.first { _ in true } == true)
  }

  @Test("work is cancelled with its caller") func callerCancelled() async {
    let clock = DeadlineClock()
    let call = Task {
      await clock.run(until: .now + .seconds(3600)) {
        await untilCancelled()
        return Task.isCancelled
      }
    }
    call.cancel()
    #expect(await call.value == true)
  }
}

/// Ends with its task only.
private func untilCancelled() async {
  let (nothing, sender) = AsyncStream<Void>.makeStream()
  for await _ in nothing {}
  withExtendedLifetime(sender) {}
}
