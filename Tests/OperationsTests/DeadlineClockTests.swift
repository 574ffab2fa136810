import Operations
import Testing

@Suite(.timeLimit(.minutes(1))) struct DeadlineClockTests {
  @Test("what is due is done in the order of its time, what was forgotten is not") func order() async {
    var (order, wasForgotten, isInTime) = ([Int](), false, false)
    while !isInTime {
      let clock = DeadlineClock()
      let (done, act) = AsyncStream<Int>.makeStream()
      let due = ContinuousClock.now + .milliseconds(50)
      let forgotten = clock.watch(until: due) { act.yield(0) }
      // So close that one look finds them all: of two looks one may overtake the other.
      for number in [3, 1, 2] {
        _ = clock.watch(until: due + .nanoseconds(number)) {
          act.yield(number)
          if number == 3 { act.finish() }
        }
      }
      wasForgotten = clock.forget(forgotten)
      // A busy machine can be too late for the first before it has asked for the last: then it says nothing, and is asked again.
      isInTime = ContinuousClock.now < due
      order = await done.reduce(into: []) { $0.append($1) }
      if isInTime { #expect(clock.count == 0) }
      withExtendedLifetime(clock) {}
    }
    #expect(wasForgotten)
    #expect(order == [1, 2, 3])
  }

  @Test("what is due earlier than all others is not late, and what is due behind it is done too") func earlier() async {
    let clock = DeadlineClock()
    let (done, act) = AsyncStream<Int>.makeStream()
    _ = clock.watch(until: .now + .seconds(3600)) { act.yield(0) }
    _ = clock.watch(until: .now + .milliseconds(10)) { act.yield(1) }
    _ = clock.watch(until: .now + .milliseconds(40)) { act.yield(2) }
    var found: Set<Int> = []
    for await number in done {
      found.insert(number)
      if found.count == 2 { break }
    }
    #expect(found == [1, 2])
    #expect(clock.count == 1)
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
