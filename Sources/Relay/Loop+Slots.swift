import CLinux
import Glibc

/// Which ends learn of a stream's end by a reset.
struct ResetEnds: OptionSet {
  let rawValue: UInt8
  static let downstream = ResetEnds(rawValue: 1)
  static let upstream = ResetEnds(rawValue: 2)
  static let both: ResetEnds = [.downstream, .upstream]

  func includes(_ end: End) -> Bool { contains(end == .downstream ? ResetEnds.downstream : ResetEnds.upstream) }
}

/// Slots: taken, looked up, given back.
extension Loop {
  /// A fresh slot; nil when all are taken.
  func takeSlot(_ phase: StreamPhase) -> UInt32? {
    let number: UInt32
    if firstFree != .max {
      number = firstFree
      firstFree = slots[Int(number)].nextFree
    } else if highWater < capacity {
      number = highWater
      (slots + Int(number)).initialize(to: StreamSlot())
      highWater += 1
    } else {
      return nil
    }
    live += 1
    slots[Int(number)].phase = phase
    slots[Int(number)].startedAt = now
    slots[Int(number)].lastActivity = tick
    return number
  }

  /// Gives a slot back; its descriptors must be closed or moved on.
  func giveBack(_ number: UInt32) {
    let slot = slots + Int(number)
    wheel.cancel(number)
    slot.pointee.up.spill.free()
    slot.pointee.down.spill.free()
    if slot.pointee.up.pipe != .none || slot.pointee.down.pipe != .none { discardPipes(slot) }
    let generation = slot.pointee.generation &+ 1
    slot.deinitialize(count: 1)
    slot.initialize(to: StreamSlot(generation: generation, nextFree: firstFree))
    firstFree = number
    live -= 1
  }

  /// The slot that an order means; nil when the stream is gone.
  func find(_ stream: StreamID) -> UInt32? {
    guard Int(stream.loop) == index else { return nil }
    if stream.isSerial { return ordered[stream.generation] }
    guard stream.slot < highWater else { return nil }
    let slot = slots + Int(stream.slot)
    guard slot.pointee.generation == stream.generation, !slot.pointee.isOrdered else { return nil }
    switch slot.pointee.phase {
    case .free, .presenting: return nil
    case .hello, .deciding, .waiting, .dialing, .connecting, .relaying, .discarding: return stream.slot
    }
  }

  func identifier(of number: UInt32) -> StreamID {
    let slot = slots + Int(number)
    return slot.pointee.isOrdered
      ? StreamID(loop: index, serial: slot.pointee.serial)
      : StreamID(loop: index, slot: number, generation: slot.pointee.generation)
  }

  /// Tells epoll about an end's socket. Once per socket: edges are reported until it is closed.
  func watch(_ number: UInt32, _ end: End, for events: UInt32 = Loop.allEvents) -> Bool {
    let slot = slots + Int(number)
    let key = EventKey(slot: number, generation: slot.pointee.generation, end: end)
    return hyper_epoll_add(epoll.number, slot.pointee[end].descriptor, events, key.raw) == 0
  }

  static var allEvents: UInt32 { inputEvents | hyper_EPOLLOUT }
  static var inputEvents: UInt32 { hyper_EPOLLIN | hyper_EPOLLRDHUP | hyper_EPOLLET }

  /// Closing removes the socket from epoll as well: no descriptor of ours is ever duplicated.
  func closeEnd(_ number: UInt32, _ end: End, reset: Bool = false) {
    let slot = slots + Int(number)
    let descriptor = slot.pointee[end].descriptor
    guard descriptor >= 0 else { return }
    if reset { _ = hyper_set_reset_on_close(descriptor) }
    _ = hyper_close(descriptor)
    slot.pointee[end] = SocketState()
  }

  /// The one way in which a stream ends: closes, counts, reports, frees.
  func end(_ number: UInt32, _ cause: EndCause, detail: String? = nil, resetting: ResetEnds = []) {
    let slot = slots + Int(number)
    guard slot.pointee.phase != .free else { return }
    guard slot.pointee.phase != .presenting else { return endPresenting(number) }
    leaveWaiting(number)
    releaseHello(number)
    if slot.pointee.phase == .relaying { counters.subtract(from: .relaying) }
    closeEnd(number, .downstream, reset: resetting.includes(.downstream))
    closeEnd(number, .upstream, reset: resetting.includes(.upstream))
    if !partialHellos.isEmpty { partialHellos[number] = nil }
    forgetDial(number)
    report(number, cause, detail)
    if !details.isEmpty { details[number] = nil }
    if slot.pointee.isOfName { commons.releaseName(slot.pointee.nameBucket) }
    if slot.pointee.isOrdered {
      ordered[slot.pointee.serial] = nil
      commons.releaseStream()
    } else {
      commons.releaseClient(slot.pointee.sourceBucket)
    }
    giveBack(number)
    counters.countEnd(cause)
  }

  /// Tells of a stream's end, unless it is one of too many refusals that nobody waits to hear of.
  private func report(_ number: UInt32, _ cause: EndCause, _ detail: String?) {
    let slot = slots + Int(number)
    var untold: UInt64 = 0
    if cause.isRefusal, !slot.pointee.isKnown, !slot.pointee.isOrdered {
      guard let count = refusalReports.admit(cause, now: now) else { return }
      untold = count
    }
    tellLater(
      StreamSummary(
        id: identifier(of: number), cause: cause, hello: slot.pointee.hello, untold: UInt32(clamping: untold),
        serverName: slot.pointee.serverName.take(), detail: details[number] ?? detail ?? slot.pointee.refusedFor?.setting,
        peer: slot.pointee.client,
        bytesUp: slot.pointee.up.delivered, bytesDown: slot.pointee.down.delivered, milliseconds: now - slot.pointee.startedAt))
  }

  /// Gives back the place among those who wait, and the tokens, if the stream holds them.
  @inline(__always)
  func leaveWaiting(_ number: UInt32) {
    let slot = slots + Int(number)
    guard slot.pointee.phase == .deciding || slot.pointee.phase == .waiting else { return }
    leaveWaiting(slot)
  }

  private func leaveWaiting(_ slot: Slot) {
    commons.releaseWaiting(slot.pointee.waitingBuckets)
    guard let key = slot.pointee.tokenKey else { return }
    tokens.removeAll(endingWith: key)
    slot.pointee.tokenKey = nil
  }

  /// The hello has a destination, or none any more: it no longer counts against the budgets.
  @inline(__always)
  func releaseHello(_ number: UInt32) {
    if slots[Int(number)].helloHeld > 0 { releaseHeld(number) }
  }

  private func releaseHeld(_ number: UInt32) {
    let slot = slots + Int(number)
    commons.releaseHello(bytes: Int(slot.pointee.helloHeld), bucket: slot.pointee.helloBucket)
    slot.pointee.helloHeld = 0
  }
}
