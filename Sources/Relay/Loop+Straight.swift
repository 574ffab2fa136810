import CLinux
import ClientHello
import Glibc

/// Connecting where there is nothing to choose: a route whose target has one known address. Most routes are of this kind,
/// and none of what a dial has to remember is needed for them. Whatever is not as usual goes the long way (`Dial`).
extension Loop {
  /// False when nothing was begun.
  func connectStraight(_ number: UInt32, to target: consuming AddressCache.Sole) -> Bool {
    let family = target.address.family
    guard let descriptor = owner(of: hyper_socket(family)), prepare(descriptor.number, family: family) == nil else { return false }
    let result = target.address.withPointer { hyper_connect(descriptor.number, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else { return false }
    let slot = slots + Int(number)
    let key = EventKey(slot: number, generation: slot.pointee.generation, end: .upstream)
    guard hyper_epoll_add(epoll.number, descriptor.number, Self.allEvents, key.raw) == 0 else { return false }
    counters.add(to: .dialsStarted)
    slot.pointee.upstream = SocketState(descriptor: descriptor.release(), readiness: [])
    slot.pointee.phase = .connecting
    slot.pointee.target = target
    wheel.schedule(number, at: tick(afterMilliseconds: dialMilliseconds))
    return true
  }

  /// epoll has said something about the socket that is being connected.
  func connectionReported(_ number: UInt32, _ events: UInt32) {
    let slot = slots + Int(number)
    if events & (hyper_EPOLLHUP | hyper_EPOLLERR) != 0 {
      let code = hyper_take_error(slot.pointee.upstream.descriptor)
      return connectionFailed(number, errorText(code == 0 ? ECONNRESET : code))
    }
    guard events & hyper_EPOLLOUT != 0 else { return }
    slot.pointee.target = nil
    startRelaying(number)
  }

  func connectionFailed(_ number: UInt32, _ reason: String) {
    guard let target = slots[Int(number)].target else { return }
    let message = "dial \(target.target): \(target.address.text): \(reason)"
    counters.add(to: .dialsFailed)
    tell(.dialFailed(identifier(of: number), side: .upstream, message: message))
    refuse(number, with: .internalError, cause: .upstreamUnreachable, detail: message)
  }
}
