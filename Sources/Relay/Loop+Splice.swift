import CLinux
import Glibc

/// Moving bulk through pipes, without a copy. All decisions are `Flow`'s, `BulkPolicy`'s and `PipePool`'s.
extension Loop {
  /// Splices from the source to an empty pipe, which is borrowed if there is none yet.
  ///
  /// - Parameter movedBefore: bytes that this pump has moved so far.
  func fill(from source: inout SocketState, _ flow: inout Flow, movedBefore: UInt64) {
    guard let pipe = lentPipe(for: &flow) else {
      flow.policy.noPipe()
      counters.add(to: .spliceFallbacks)
      return
    }
    let wanted = pipes.isScarce ? min(pipe.capacity, scratch.count) : pipe.capacity
    let count = hyper_splice(source.descriptor, pipe.writeEnd, wanted)
    if count > 0 {
      // Fewer bytes than asked for mean a dry socket or a pipe without slots: nobody knows, so the source is asked again.
      flow.parked = UInt32(count)
      return
    }
    let code = count == 0 ? 0 : errno
    switch code {
    case EINVAL, ENOSYS, EPERM, EOPNOTSUPP, ENOMEM:
      cannotSplice(&flow)
    case EAGAIN:
      flow.policy.ranDry(after: movedBefore)
      fallthrough
    default:
      gaveNothing(&source, &flow, code: code)
    }
  }

  /// Splices the pipe's bytes to the sink.
  func drain(to sink: inout SocketState, _ flow: inout Flow) {
    guard let pipe = pipes[flow.pipe] else { return flow.broke() }
    let count = hyper_splice(pipe.readEnd, sink.descriptor, Int(flow.parked))
    if count > 0 {
      flow.parked -= UInt32(count)
      flow.delivered += UInt64(count)
      counters.add(UInt64(count), to: .bytesSpliced)
      return
    }
    // The pipe is not empty and its other end is open, so there is no such thing as its end.
    let code = count == 0 ? EIO : errno
    switch code {
    case EINVAL, ENOSYS, EPERM, EOPNOTSUPP, ENOMEM:
      takeOut(of: pipe, for: &sink, &flow)
      cannotSplice(&flow)
    default:
      tookNothing(&sink, &flow, code: code)
    }
  }

  /// At the end of a pump: a pipe is kept only while bytes are in it, and only while there are enough for the others.
  func putPipeAway(_ flow: inout Flow, _ sink: inout SocketState) {
    guard flow.pipe != .none else { return }
    if !flow.isDone, flow.parked > 0, flow.parked <= scratch.count, pipes.isScarce, let pipe = pipes[flow.pipe] {
      takeOut(of: pipe, for: &sink, &flow)
    }
    if flow.parked > 0, !flow.isDone { return }
    releasePipe(&flow)
  }

  /// Gives an empty pipe back, closes one with bytes in it.
  private func releasePipe(_ flow: inout Flow) {
    guard flow.pipe != .none else { return }
    if flow.parked == 0 { pipes.giveBack(flow.pipe) } else { pipes.discard(flow.pipe) }
    flow.pipe = .none
    flow.parked = 0
    if pipesTrimmedAt == .max { pipesTrimmedAt = now + pipeRestMilliseconds }
    counters.set(.pipes, to: UInt64(pipes.count))
  }

  /// A stream with bytes in pipes ends: nobody will have them.
  func discardPipes(_ slot: Slot) {
    for direction in [Direction.up, .down] where slot.pointee[direction].pipe != .none {
      countParked(from: slot.pointee[direction].parked, to: 0)
      releasePipe(&slot.pointee[direction])
    }
  }

  func countParked(from before: UInt32, to after: UInt32) {
    counters.add(UInt64(after) &- UInt64(before), to: .bytesParked)
  }

  /// Closes pipes that nobody needed for a while.
  func trimPipes() {
    pipes.trim()
    counters.set(.pipes, to: UInt64(pipes.count))
    pipesTrimmedAt = pipes.count > 0 ? now + pipeRestMilliseconds : .max
  }

  private func lentPipe(for flow: inout Flow) -> Pipe? {
    if flow.pipe == .none, let number = pipes.borrow() { flow.pipe = number }
    return pipes[flow.pipe]
  }

  private func cannotSplice(_ flow: inout Flow) {
    flow.policy.notSupported()
    counters.add(to: .spliceFallbacks)
  }

  /// Moves the pipe's bytes to the spill.
  private func takeOut(of pipe: Pipe, for sink: inout SocketState, _ flow: inout Flow) {
    while flow.parked > 0, !flow.isDone {
      let count = Glibc.read(pipe.readEnd, scratch.baseAddress, min(scratch.count, Int(flow.parked)))
      guard count > 0 else {
        if count < 0, errno == EINTR { continue }
        // What the kernel counted into the pipe is there; if it is not, the stream has a hole and must not look whole.
        sink.readiness.insert(.failed)
        return flow.broke()
      }
      flow.parked -= UInt32(count)
      keep(UnsafeRawBufferPointer(rebasing: scratch[..<count]), for: &sink, &flow)
    }
  }
}
