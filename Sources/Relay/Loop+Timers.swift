import CLinux
import ClientHello

/// The clock.
extension Loop {
  /// Nanoseconds, the same for all loops at the same time.
  var clock: UInt64 { hyper_coarse_milliseconds() &* 1_000_000 }

  func tick(after delay: Duration) -> UInt32 { tick(afterMilliseconds: delay.milliseconds) }

  func tick(afterMilliseconds delay: UInt64) -> UInt32 {
    let due = now + delay
    return UInt32(clamping: (due + TimerWheel.tickMilliseconds - 1) / TimerWheel.tickMilliseconds)
  }

  func schedule(_ number: UInt32, after delay: Duration) {
    wheel.schedule(number, at: tick(after: delay))
  }

  /// When the loop has something to do though nothing happens; without a timer that is in some years.
  var nextDue: UInt64 {
    if !ready.isEmpty { return 0 }
    let timers = UInt64(wheel.nextDue) &* TimerWheel.tickMilliseconds
    return min(min(timers, newsDueAt), min(min(acceptResumesAt, pipesTrimmedAt), drainEndsAt))
  }

  /// How long the loop may sleep. Sleeping starts later than `now` was read, by what this turn took: too little to look at the
  /// clock again.
  func milliseconds(until due: UInt64) -> Int32 { due <= now ? 0 : Int32(clamping: due &- now) }

  /// Everything whose time has come.
  func checkClock() {
    if tick > wheel.current {
      expired.removeAll(keepingCapacity: true)
      wheel.advance(to: tick, expired: &expired)
      for position in expired.indices { timeIsUp(expired[position]) }
    }
    if now >= acceptResumesAt { resumeAccepting() }
    if now >= pipesTrimmedAt { trimPipes() }
    if now >= drainEndsAt, live > 0 {
      for number in 0..<highWater where slots[Int(number)].phase != .free { abort(number, .stopped) }
    }
  }

  /// Has the kernel probe both peers from now on. Most streams end before that is of any use, so it is not done at once:
  /// four calls and a timer of the kernel for each socket. Not vital: a failure is not reported.
  private func keepAlive(_ slot: Slot) {
    slot.pointee.isKeptAlive = true
    for end in End.allCases { _ = hyper_keepalive(slot.pointee[end].descriptor, keepalive.idle, keepalive.interval, keepalive.probes) }
  }

  private func timeIsUp(_ number: UInt32) {
    let slot = slots + Int(number)
    switch slot.pointee.phase {
    case .free:
      break
    case .hello:
      end(number, .helloTimeout)
    case .deciding, .waiting:
      refuse(number, with: .internalError, cause: .waitedTooLong)
    case .presenting:
      endPresenting(number)
    case .dialing:
      dialTimePassed(number)
    case .connecting:
      connectionFailed(number, "no answer in time")
    case .discarding:
      finishDiscarding(number)
    case .relaying:
      if !slot.pointee.isKeptAlive { keepAlive(slot) }
      guard idleTicks > 0 else { return }
      let due = slot.pointee.lastActivity + idleTicks
      if tick >= due { abort(number, .idle) } else { wheel.schedule(number, at: due) }
    }
  }
}
