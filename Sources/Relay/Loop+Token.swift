import CLinux
import ClientHello
import Glibc
import Synchronization

/// The token port: from 32 bytes to a waiting client.
extension Loop {
  /// Never reads beyond the token: what follows it belongs to the stream and stays in the kernel.
  func readToken(_ number: UInt32) {
    let slot = slots + Int(number)
    while true {
      let missing = Token.byteCount - slot.pointee.up.spill.count
      let count = hyper_recv(slot.pointee.downstream.descriptor, scratch.baseAddress, missing)
      if count > 0 {
        guard slot.pointee.up.spill.append(UnsafeRawBufferPointer(rebasing: scratch[..<count])) else { return endPresenting(number) }
        if count == missing, let token = Token(bytes: slot.pointee.up.spill.bytes) { return tokenArrived(number, token) }
      } else if count < 0, errno == EAGAIN {
        slot.pointee.downstream.readiness.remove(.readable)
        return
      } else if count == 0 || errno != EINTR {
        return endPresenting(number)
      }
    }
  }

  private func tokenArrived(_ number: UInt32, _ token: Token) {
    let owner = token.owner(of: commons.mailboxes.count)
    guard owner == index else { return handOver(number, token, to: owner) }
    var client = tokens.slot(waitingFor: token)
    if client == nil {
      // The order to expect this token was posted before anybody could know the token, but we may not have read it yet.
      carryOutOrders()
      client = tokens.slot(waitingFor: token)
    }
    guard let client else { return endPresenting(number) }
    let descriptor = slots[Int(number)].downstream.descriptor
    slots[Int(number)].downstream = SocketState()
    commons.releasePresenting(slots[Int(number)].sourceBucket)
    giveBack(number)
    join(client, descriptor) { key in hyper_epoll_modify(epoll.number, descriptor, Self.allEvents, key) == 0 }
  }

  /// The client lives on another loop: so will this connection.
  private func handOver(_ number: UInt32, _ token: Token, to owner: Int) {
    let descriptor = slots[Int(number)].downstream.descriptor
    _ = hyper_epoll_delete(epoll.number, descriptor)
    slots[Int(number)].downstream = SocketState()
    commons.releasePresenting(slots[Int(number)].sourceBucket)
    giveBack(number)
    if !commons.mailboxes[owner].post(.present(descriptor: descriptor, token)) {
      // The mailbox has closed it.
      commons.ordersDropped.wrappingAdd(1, ordering: .relaxed)
      counters.add(to: .tokensRefused)
    }
  }

  /// From another loop. Orders keep their sequence, so the order to expect the token was carried out before.
  func present(_ descriptor: Int32, _ token: Token) {
    guard let client = tokens.slot(waitingFor: token) else {
      counters.add(to: .tokensRefused)
      close(descriptor)
      return
    }
    join(client, descriptor) { key in hyper_epoll_add(epoll.number, descriptor, Self.allEvents, key) == 0 }
  }

  /// The private side has come for a waiting client. Whatever follows uses up the client's tokens (`leaveWaiting`).
  private func join(_ number: UInt32, _ descriptor: Int32, watch: (UInt64) -> Bool) {
    let slot = slots + Int(number)
    slot.pointee.upstream = SocketState(descriptor: descriptor, readiness: .writable)
    counters.add(to: .tokensMatched)
    guard watch(EventKey(slot: number, generation: slot.pointee.generation, end: .upstream).raw) else {
      return refuse(number, with: .internalError, cause: .system, detail: "watch the private side's socket: \(errorText(errno))")
    }
    startRelaying(number)
  }

  /// Closes a connection whose token was wrong, short, late or used before. No client is touched by it.
  func endPresenting(_ number: UInt32) {
    counters.add(to: .tokensRefused)
    closeEnd(number, .downstream)
    commons.releasePresenting(slots[Int(number)].sourceBucket)
    giveBack(number)
  }
}
