import CLinux
import ClientHello
import Glibc

/// Alerts that arrive.
extension Loop {
  private static let alertBytes = 7

  /// Writes the alert downstream, ends our half, and reads on for a moment: closing with unread input would send a reset,
  /// which overtakes the alert. Without an alert the stream just ends.
  func refuse(_ number: UInt32, with alert: TLSAlert?, cause: EndCause, detail: String? = nil) {
    let slot = slots + Int(number)
    guard let alert, slot.pointee.downstream.isOpen, write(alert, to: slot.pointee.downstream.descriptor) else {
      return end(number, cause, detail: detail)
    }
    leaveWaiting(number)
    releaseHello(number)
    closeEnd(number, .upstream)
    forgetDial(number)
    slot.pointee.up.spill.free()
    slot.pointee.phase = .discarding
    slot.pointee.cause = cause
    if let detail { details[number] = detail }
    counters.add(to: .alerts)
    counters.add(UInt64(Self.alertBytes), to: .bytesDown)
    slot.pointee.down.delivered += UInt64(Self.alertBytes)
    // On the private side the hello comes first.
    let hello = slot.pointee.isOrdered ? settings.helloLimits.rawBytes : 0
    slot.pointee.discardLeft = UInt32(clamping: settings.discardBytes + hello)
    wheel.schedule(number, at: tick(afterMilliseconds: discardMilliseconds))
    if slot.pointee.downstream.readiness.contains(.readable) { discardInput(number) }
  }

  /// A bound was reached.
  func refuse(_ number: UInt32, for limit: RelayLimit) {
    counters.count(limit)
    slots[Int(number)].refusedFor = limit
    refuse(number, with: .internalError, cause: limit.cause ?? .system)
  }

  /// In one segment with the end of our half. Nothing was written on this connection except a token, so that the few bytes
  /// fit; if they do not, nothing would.
  private func write(_ alert: TLSAlert, to descriptor: Int32) -> Bool {
    // `alert.record`, on the stack: a flood of refusals writes many.
    let record: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (21, 3, 1, 0, 2, 2, alert.rawValue)
    let count = withUnsafeBytes(of: record) { hyper_send(descriptor, $0.baseAddress, $0.count, hyper_MSG_MORE) }
    return count == Self.alertBytes && hyper_shutdown_writing(descriptor) == 0
  }

  func discardInput(_ number: UInt32) {
    let slot = slots + Int(number)
    while slot.pointee.downstream.readiness.contains(.readable) {
      let wanted = min(scratch.count, Int(slot.pointee.discardLeft))
      guard wanted > 0 else { return finishDiscarding(number) }
      let count = hyper_recv(slot.pointee.downstream.descriptor, scratch.baseAddress, wanted)
      if count > 0 {
        slot.pointee.discardLeft -= UInt32(count)
      } else if count < 0, errno == EAGAIN {
        slot.pointee.downstream.readiness.remove(.readable)
      } else if count == 0 || errno != EINTR {
        return finishDiscarding(number)
      }
    }
  }

  func finishDiscarding(_ number: UInt32) {
    end(number, slots[Int(number)].cause)
  }
}
