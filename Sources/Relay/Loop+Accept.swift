import CLinux
import Glibc

/// Accepting, and what happens when it is not possible.
extension Loop {
  static func openSpare() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }

  func add(_ listener: ListeningSocket) {
    guard !isDraining else { return }
    listeners.append(listener)
    if acceptResumesAt == .max { watchListener(listeners.count - 1) }
  }

  /// Exclusive: one loop is woken per connection, not all of them. Level-triggered: what is left is reported again.
  private func watchListener(_ position: Int) {
    let result = hyper_epoll_add(
      epoll.number, listeners[position].number, hyper_EPOLLIN | hyper_EPOLLEXCLUSIVE, EventKey(listener: position).raw)
    if result != 0 { acceptFailed(errno) }
  }

  func listenerIsReady(_ key: EventKey) {
    guard let position = key.listener, position < listeners.count, acceptResumesAt == .max else { return }
    let (listener, role) = (listeners[position].number, listeners[position].role)
    // Unless there was somebody in several turns in a row there is seldom more than one, and asking in vain costs another call for each.
    turnsWithClients = turn &- acceptedAt <= 1 ? turnsWithClients &+ 1 : 0
    acceptedAt = turn
    for _ in 0..<(turnsWithClients > Self.fewTurns ? Self.acceptBatch : 1) where acceptResumesAt == .max {
      guard acceptOne(from: listener, role) else {
        turnsWithClients = 0
        return
      }
    }
  }

  /// False when there is nothing more to accept for now.
  private func acceptOne(from listener: Int32, _ role: ListenerRole) -> Bool {
    var storage = sockaddr_storage()
    var length: socklen_t = 0
    guard let descriptor = Descriptor(owning: hyper_accept(listener, &storage, &length)) else {
      return canGoOn(after: errno, listener)
    }
    guard descriptor.number < firstReserved else {
      descriptorsExhausted()
      return false
    }
    switch role {
    case .clients: admitClient(descriptor, from: PeerAddress(storage))
    case .tokens: admitPresenting(descriptor, from: PeerAddress(storage))
    }
    return true
  }

  private func admitClient(_ descriptor: consuming Descriptor, from client: PeerAddress) {
    let bucket = commons.bucket(of: client)
    if let full = commons.admitClient(bucket, now: clock) { return turnAway(client, full) }
    guard let number = takeSlot(.hello) else {
      commons.releaseClient(bucket)
      return turnAway(client, .streams)
    }
    counters.add(to: .clientsAccepted)
    let slot = slots + Int(number)
    slot.pointee.client = client
    slot.pointee.sourceBucket = bucket
    slot.pointee.downstream = SocketState(descriptor: descriptor.release(), readiness: [.readable, .writable])
    // The hello is often there by now, and then is not worth another turn. Whatever has come until the socket is watched, an end or a
    // reset as well, is reported when it is.
    let generation = slot.pointee.generation
    readHello(number)
    guard slot.pointee.generation == generation else { return }
    // Who was refused is written nothing more: that there is room for it is no news.
    guard watch(number, .downstream, for: slot.pointee.phase == .discarding ? Self.inputEvents : Self.allEvents) else {
      return end(number, .system, detail: "watch the client's socket: \(errorText(errno))")
    }
    if slot.pointee.phase == .hello { wheel.schedule(number, at: tick(afterMilliseconds: helloMilliseconds)) }
  }

  private func admitPresenting(_ descriptor: consuming Descriptor, from peer: PeerAddress) {
    counters.add(to: .tokenConnectionsAccepted)
    let bucket = commons.bucket(of: peer)
    if let full = commons.admitPresenting(bucket) { return turnAway(peer, full) }
    guard let number = takeSlot(.presenting) else {
      commons.releasePresenting(bucket)
      return turnAway(peer, .presenting)
    }
    slots[Int(number)].sourceBucket = bucket
    slots[Int(number)].downstream.descriptor = descriptor.release()
    guard watch(number, .downstream) else { return end(number, .system) }
    schedule(number, after: settings.tokenPresentation)
  }

  /// The connection is closed when its owner goes out of scope, right behind this.
  private func turnAway(_ peer: PeerAddress, _ limit: RelayLimit) {
    counters.count(limit)
    if let count = notices.occurred(.limitReached(limit), now: now, interval: noticeMilliseconds) {
      tell(.notice(.limitReached(limit, by: SocketAddressText(peer), count: count)))
    }
  }

  private func canGoOn(after code: Int32, _ listener: Int32) -> Bool {
    switch code {
    case EAGAIN:
      return false
    case EINTR, ECONNABORTED, EPROTO, ENOPROTOOPT, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP, ENONET:
      // Errors of the connection that was to be accepted, which is gone (accept(2)).
      return true
    case EMFILE, ENFILE:
      closeNext(of: listener)
      descriptorsExhausted()
      return false
    default:
      acceptFailed(code)
      return false
    }
  }

  /// The client at the head of the queue is accepted with the spare descriptor and closed, so that it learns that it
  /// cannot be served.
  private func closeNext(of listener: Int32) {
    guard spare >= 0 else { return }
    close(spare)
    var storage = sockaddr_storage()
    var length: socklen_t = 0
    _ = Descriptor(owning: hyper_accept(listener, &storage, &length))
    spare = Self.openSpare()
  }

  /// None left for us: accepting rests, so that we do not spin.
  private func descriptorsExhausted() {
    counters.add(to: .descriptorsExhausted)
    if let count = notices.occurred(.descriptorsExhausted, now: now, interval: noticeMilliseconds) {
      tell(.notice(.descriptorsExhausted(count: count)))
    }
    pauseAccepting()
  }

  private func acceptFailed(_ code: Int32) {
    counters.add(to: .acceptFailures)
    if let count = notices.occurred(.acceptFailed, now: now, interval: noticeMilliseconds) {
      tell(.notice(.acceptFailed(message: "accept: \(errorText(code))", count: count)))
    }
    pauseAccepting()
  }

  private func pauseAccepting() {
    guard acceptResumesAt == .max else { return }
    for listener in listeners { _ = hyper_epoll_delete(epoll.number, listener.number) }
    acceptResumesAt = now + max(1, settings.acceptPause.milliseconds)
  }

  func resumeAccepting() {
    acceptResumesAt = .max
    if spare < 0 { spare = Self.openSpare() }
    for position in listeners.indices where acceptResumesAt == .max { watchListener(position) }
  }

  /// Lets the listeners go; the last loop to do so closes them.
  func stopAccepting() {
    for listener in listeners { _ = hyper_epoll_delete(epoll.number, listener.number) }
    listeners.removeAll()
    acceptResumesAt = .max
  }
}
