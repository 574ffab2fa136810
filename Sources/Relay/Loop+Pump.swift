import CLinux
import Glibc

/// Moving bytes. All decisions are `Flow`'s and `Closing`'s; here are the system calls.
extension Loop {
  /// Both ends are connected. What is kept of the hello goes out first.
  func startRelaying(_ number: UInt32) {
    let slot = slots + Int(number)
    leaveWaiting(number)
    releaseHello(number)
    slot.pointee.phase = .relaying
    slot.pointee.lastActivity = tick
    counters.add(to: .relaying)
    wheel.schedule(number, at: tick + (idleTicks > 0 ? min(idleTicks, keepaliveTicks) : keepaliveTicks))
    // Who ordered a stream waits for it. Of a client that went straight to its route nobody has heard.
    if slot.pointee.isOrdered {
      tell(.joined(identifier(of: number)))
    } else if slot.pointee.isKnown {
      tellLater(.joined(identifier(of: number)))
    }
    if !handOnHello(slot) { relay(number) }
  }

  /// Writes what is kept of the hello where nothing else is known of either socket but that the server's has room: nearly always,
  /// and then that is all there is to do. False when there may be more.
  private func handOnHello(_ slot: Slot) -> Bool {
    guard slot.pointee.downstream.readiness.isDisjoint(with: [.readable, .endSeen, .failed]),
      slot.pointee.upstream.readiness == .writable, slot.pointee.up.holding == .spill
    else { return false }
    let before = slot.pointee.up.delivered
    flush(to: &slot.pointee.upstream, &slot.pointee.up)
    count(slot.pointee.up.delivered - before, .bytesUp, slot)
    return slot.pointee.up.isOpen && slot.pointee.up.holding == .nothing
  }

  /// Moves what the news about one socket lets move. Nearly always bytes have come or room has, and that concerns one
  /// direction only; whatever else it is, `relay` sees to it.
  @inline(__always)
  func relay(_ number: UInt32, after news: Readiness, of end: End) {
    let slot = slots + Int(number)
    let known = slot.pointee.downstream.readiness.union(slot.pointee.upstream.readiness)
    guard known.isDisjoint(with: [.endSeen, .failed]) else { return relay(number) }
    switch news {
    case .readable: pumpOne(number, slot, isUp: end == .downstream)
    case .writable: pumpOne(number, slot, isUp: end == .upstream)
    // Nothing new: the pumps have stopped for another reason, which will be reported.
    case []: break
    default: relay(number)
    }
  }

  private func pumpOne(_ number: UInt32, _ slot: Slot, isUp: Bool) {
    if isUp, slot.pointee.up.copiesStraight(to: slot.pointee.upstream.readiness) {
      let before = slot.pointee.up.delivered
      read(from: &slot.pointee.downstream, to: &slot.pointee.upstream, &slot.pointee.up)
      count(slot.pointee.up.delivered - before, .bytesUp, slot)
      if slot.pointee.up.isOpen, !slot.pointee.downstream.readiness.contains(.readable) { return }
    } else if !isUp, slot.pointee.down.copiesStraight(to: slot.pointee.downstream.readiness) {
      let before = slot.pointee.down.delivered
      read(from: &slot.pointee.upstream, to: &slot.pointee.downstream, &slot.pointee.down)
      count(slot.pointee.down.delivered - before, .bytesDown, slot)
      if slot.pointee.down.isOpen, !slot.pointee.upstream.readiness.contains(.readable) { return }
    }
    let more = isUp ? pumpUp(slot) : pumpDown(slot)
    // Whoever met an end or a loss has to go through all of it.
    if !(isUp ? slot.pointee.up.isOpen : slot.pointee.down.isOpen) { relay(number) } else if more { serveLater(number) }
  }

  /// Moves what can be moved, then decides about the sockets.
  func relay(_ number: UInt32) {
    let slot = slots + Int(number)
    var more = pumpUp(slot)
    more = pumpDown(slot) || more
    if slot.pointee.downstream.readiness.union(slot.pointee.upstream.readiness).contains(.failed) {
      // The second direction may have found out what the first one has to know.
      more = pumpUp(slot) || more
    }
    let closing = Closing.decide(
      upDone: slot.pointee.up.isDone, downDone: slot.pointee.down.isDone,
      downstream: slot.pointee.downstream.readiness, upstream: slot.pointee.upstream.readiness)
    switch closing {
    case .keep: if more { serveLater(number) }
    case .close: end(number, .finished)
    case .reset(.upstream): end(number, .clientReset, resetting: .upstream)
    case .reset(.downstream): end(number, .upstreamReset, resetting: .downstream)
    case .discard: end(number, .clientReset, resetting: .both)
    }
  }

  @inline(__always)
  private func pumpUp(_ slot: Slot) -> Bool {
    guard slot.pointee.up.canMove(from: slot.pointee.downstream.readiness, to: slot.pointee.upstream.readiness) else { return false }
    let before = slot.pointee.up.delivered
    let isLast = slot.pointee.down.state == .finished
    let more = pump(&slot.pointee.up, from: &slot.pointee.downstream, to: &slot.pointee.upstream, isLast: isLast)
    count(slot.pointee.up.delivered - before, .bytesUp, slot)
    return more
  }

  @inline(__always)
  private func pumpDown(_ slot: Slot) -> Bool {
    guard slot.pointee.down.canMove(from: slot.pointee.upstream.readiness, to: slot.pointee.downstream.readiness) else { return false }
    let before = slot.pointee.down.delivered
    let isLast = slot.pointee.up.state == .finished
    let more = pump(&slot.pointee.down, from: &slot.pointee.upstream, to: &slot.pointee.downstream, isLast: isLast)
    count(slot.pointee.down.delivered - before, .bytesDown, slot)
    return more
  }

  @inline(__always)
  private func count(_ moved: UInt64, _ kind: LoopCounters.Kind, _ slot: Slot) {
    guard moved > 0 else { return }
    slot.pointee.lastActivity = tick
    counters.add(moved, to: kind)
  }

  /// Moves one direction until nothing can be done or its share is used up (then true).
  ///
  /// - Parameter isLast: the other direction has finished, so both sockets are closed when this one has.
  private func pump(_ flow: inout Flow, from source: inout SocketState, to sink: inout SocketState, isLast: Bool) -> Bool {
    let before = flow.delivered
    let parkedBefore = flow.parked
    var isShareUsedUp = true
    steps: for _ in 0..<Self.fairness {
      switch flow.nextStep(source: source.readiness, sink: sink.readiness) {
      case .read: read(from: &source, to: &sink, &flow)
      case .flush: flush(to: &sink, &flow)
      case .fill: fill(from: &source, &flow, movedBefore: flow.delivered - before)
      case .drain: drain(to: &sink, &flow)
      case .passOnEnd:
        // Closing ends the sink's half as well, behind all that was written: it has ended its own, so nothing is unread.
        // Fails only when the connection is gone, which is reported as an event.
        if !isLast { _ = hyper_shutdown_writing(sink.descriptor) }
        flow.endPassedOn()
      case .giveUp: flow.broke()
      case .wait, .done:
        isShareUsedUp = false
        break steps
      }
    }
    if flow.pipe != .none {
      putPipeAway(&flow, &sink)
      if flow.parked != parkedBefore { countParked(from: parkedBefore, to: flow.parked) }
    }
    return isShareUsedUp
  }

  @inline(__always)
  private func read(from source: inout SocketState, to sink: inout SocketState, _ flow: inout Flow) {
    let count = hyper_recv(source.descriptor, scratch.baseAddress, scratch.count)
    if count > 0 {
      flow.policy.copied(count, of: scratch.count)
      // A short read means that the socket is dry and will report more, unless an end or a reset is waiting behind.
      let isDry = count < scratch.count
      if isDry, source.readiness.isDisjoint(with: [.endSeen, .failed]) { source.readiness.remove(.readable) }
      let bytes = UnsafeRawBufferPointer(rebasing: scratch[..<count])
      // The last bytes before an end: the next read finds it, and it goes out in one segment with them.
      let isLast = isDry && source.readiness.contains(.endSeen)
      write(bytes, to: &sink, &flow, flags: isLast ? hyper_MSG_MORE : 0)
    } else {
      gaveNothing(&source, &flow, code: count == 0 ? 0 : errno)
    }
  }

  /// The source was asked and had no bytes: it is dry (EAGAIN), has ended (0), or is lost.
  func gaveNothing(_ source: inout SocketState, _ flow: inout Flow, code: Int32) {
    if code == EINTR { return }
    source.readiness.remove(.readable)
    if code == EAGAIN { return }
    // After a reset that was already reported, an end is what recv(2) says; it is none.
    if code == 0, !source.readiness.contains(.failed) { return flow.sourceEnded() }
    source.readiness.insert(.failed)
    flow.broke()
  }

  /// Bytes fresh from the source; what does not fit is kept.
  @inline(__always)
  private func write(
    _ bytes: UnsafeRawBufferPointer, to sink: inout SocketState, _ flow: inout Flow,
    flags: Int32
  ) {
    let written = send(bytes, to: &sink, &flow, flags: flags)
    guard written < bytes.count, !flow.isDone else { return }
    keep(UnsafeRawBufferPointer(rebasing: bytes[written...]), for: &sink, &flow)
  }

  /// Without memory the stream cannot be whole any more: better broken than with a hole.
  func keep(_ bytes: UnsafeRawBufferPointer, for sink: inout SocketState, _ flow: inout Flow) {
    if !flow.spill.append(bytes) {
      sink.readiness.insert(.failed)
      flow.broke()
    }
  }

  @inline(__always)
  private func flush(to sink: inout SocketState, _ flow: inout Flow) {
    let written = send(flow.spill.bytes, to: &sink, &flow, flags: 0)
    if !flow.isDone { flow.spill.consume(written) }
  }

  /// How many bytes were written. A lost sink breaks the flow; what it had sent before is still to be read.
  @inline(__always)
  private func send(
    _ bytes: UnsafeRawBufferPointer, to sink: inout SocketState, _ flow: inout Flow, flags: Int32
  ) -> Int {
    let count = hyper_send(sink.descriptor, bytes.baseAddress, bytes.count, flags)
    if count >= 0 {
      flow.delivered += UInt64(count)
      if count < bytes.count { sink.readiness.remove(.writable) }
      return count
    }
    tookNothing(&sink, &flow, code: errno)
    return 0
  }

  /// The sink took no bytes: it is full (EAGAIN) or lost.
  func tookNothing(_ sink: inout SocketState, _ flow: inout Flow, code: Int32) {
    switch code {
    case EINTR: break
    case EAGAIN: sink.readiness.remove(.writable)
    default:
      sink.readiness.formUnion([.failed, .readable])
      flow.broke()
    }
  }
}
