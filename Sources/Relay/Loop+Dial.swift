import CLinux
import ClientHello
import Glibc

/// The dials of one stream.
struct Dial {
  /// A socket that is being connected. Owned by the dial until it is connected, then by the slot.
  struct Attempt {
    let end: End
    /// The plan's number for it.
    let number: Int
    /// Epoll's name for it.
    let serial: UInt32
    let descriptor: Int32
  }

  var attempts: [Attempt] = []
  /// Nil when the downstream connection was there from the start.
  var downstream: DialPlan?
  /// Nil while nobody knows where to.
  var upstream: DialPlan?
  let downstreamTarget: DialTarget?
  let upstreamTarget: DialTarget?
  /// What is to be said first downstream; nil once it has been said.
  var token: Token?
  /// The token is held back until the server is connected, and in this time a failure ends the stream quietly.
  var quiet: QuietPeriod?

  /// When the clock has to be looked at.
  var nextCheck: UInt32 { min(downstream?.nextCheck ?? .max, upstream?.nextCheck ?? .max) }

  /// The server cannot be reached, and nobody but the one who ordered needs to know. Whoever asks has to end the stream then.
  func endsQuietly() -> Bool {
    guard let quiet, token != nil, case .failed? = upstream?.state else { return false }
    return quiet.end()
  }

  func plan(_ end: End) -> DialPlan? { end == .downstream ? downstream : upstream }

  /// Lets one plan take a step.
  mutating func step(_ end: End, _ body: (inout DialPlan) -> DialPlan.Action) -> DialPlan.Action {
    guard var plan = plan(end) else { return .wait }
    defer { if end == .downstream { downstream = plan } else { upstream = plan } }
    return body(&plan)
  }
}

/// Connecting.
extension Loop {
  /// A waiting client goes straight to an address.
  func startRoute(_ number: UInt32, to target: DialTarget) {
    leaveWaiting(number)
    if let sole = addresses.sole(target, now: now), connectStraight(number, to: sole) { return }
    slots[Int(number)].phase = .dialing
    dials[number] = Dial(
      downstream: nil, upstream: DialPlan(deadline: dialDeadline), downstreamTarget: nil, upstreamTarget: target, token: nil)
    startDial(number, .upstream, target)
    decideDial(number)
  }

  /// Dials the token port, and at the same time the server, if it is known already.
  func startJoin(_ stream: StreamID, _ token: Token, tokenPort: DialTarget, _ upstream: JoinUpstream) {
    guard !isDraining else { return neverStarted(stream, .stopped) }
    guard commons.admitStream() else { return neverStarted(stream, .tooManyStreams) }
    guard let number = takeSlot(.dialing) else {
      commons.releaseStream()
      return neverStarted(stream, .tooManyStreams)
    }
    slots[Int(number)].serial = stream.generation
    ordered[stream.generation] = number
    let plan = DialPlan(deadline: dialDeadline)
    switch upstream {
    case .server(let target, let preface, let timing):
      guard preface.withUnsafeBytes({ slots[Int(number)].up.spill.append($0) }) else {
        return end(number, .system, detail: "no memory for what the server gets first")
      }
      let quiet: QuietPeriod? = if case .withServer(let quiet) = timing { quiet } else { nil }
      dials[number] = Dial(
        downstream: plan, upstream: plan, downstreamTarget: tokenPort, upstreamTarget: target, token: token, quiet: quiet)
      startDial(number, .downstream, tokenPort)
      startDial(number, .upstream, target)
    case .byHello(let serverName):
      slots[Int(number)].serverName = serverName
      dials[number] = Dial(downstream: plan, upstream: nil, downstreamTarget: tokenPort, upstreamTarget: nil, token: token)
      startDial(number, .downstream, tokenPort)
    }
    decideDial(number)
  }

  func neverStarted(_ stream: StreamID, _ cause: EndCause) {
    counters.countEnd(cause)
    tell(.ended(.neverStarted(stream, cause)))
  }

  private var dialDeadline: UInt32 { tick(after: settings.dialTimeout) }

  private func startDial(_ number: UInt32, _ end: End, _ target: DialTarget) {
    counters.add(to: .dialsStarted)
    switch target {
    case .unix(let path):
      guard let address = SocketAddress(unixPath: path) else {
        return take(number, end) { plan, _ in plan.couldNotResolve("the path is empty or over 107 bytes") }
      }
      take(number, end) { plan, tick in plan.resolved([address], now: tick) }
    case .host(let host, let port):
      if let known = addresses.addresses(of: target, now: now) {
        take(number, end) { plan, tick in plan.resolved(known, now: tick) }
      } else if case .success(let numeric) = SocketAddress.look(up: host, port: port, .numeric) {
        addresses.remember(numeric, of: target, now: now)
        take(number, end) { plan, tick in plan.resolved(numeric, now: tick) }
      } else {
        lookUp(number, end, target, host: host, port: port)
      }
    }
  }

  /// What every TCP socket gets before it is connected. Nil when all is well, otherwise what went wrong.
  func prepare(_ descriptor: Int32, family: Int32) -> String? {
    // Not vital: a connection without it still carries every byte.
    _ = hyper_no_delay(descriptor)
    return commons.dialSource.apply(to: descriptor, family: family)
  }

  private func lookUp(_ number: UInt32, _ end: End, _ target: DialTarget, host: String, port: Int) {
    let generation = slots[Int(number)].generation
    let mailbox = mailbox
    let isQueued = commons.resolver.resolve(host: host, port: port) { result in
      mailbox.post(.resolved(slot: number, generation: generation, end, target, result))
    }
    if !isQueued { take(number, end) { plan, _ in plan.couldNotResolve("too many names are being looked up") } }
  }

  func resolved(
    _ number: UInt32, generation: UInt32, _ end: End, _ target: DialTarget, _ result: Result<[SocketAddress], LookUpFailure>
  ) {
    if case .success(let found) = result { addresses.remember(found, of: target, now: now) }
    guard number < highWater, slots[Int(number)].generation == generation, slots[Int(number)].phase == .dialing else { return }
    switch result {
    case .success(let found): take(number, end) { plan, tick in plan.resolved(found, now: tick) }
    case .failure(let failure): take(number, end) { plan, _ in plan.couldNotResolve(failure.text) }
    }
    decideDial(number)
  }

  /// Steps one plan and carries out what it says, until it waits.
  private func take(_ number: UInt32, _ end: End, _ step: (inout DialPlan, UInt32) -> DialPlan.Action) {
    guard var action = dials[number]?.step(end, { step(&$0, tick) }) else { return }
    while true {
      closeAbandoned(number, end)
      switch action {
      case .wait: return
      case .fail(let reason): return reportFailure(number, end, reason)
      case .connect(let address, let attempt): action = connect(number, end, address, attempt)
      }
    }
  }

  private func reportFailure(_ number: UInt32, _ end: End, _ reason: String) {
    counters.add(to: .dialsFailed)
    let target = end == .downstream ? dials[number]?.downstreamTarget : dials[number]?.upstreamTarget
    let message = "dial \(target.map(\.description) ?? "?"): \(reason)"
    details[number] = message
    tell(.dialFailed(identifier(of: number), side: end == .downstream ? .tokenPort : .upstream, message: message))
  }

  /// Begins an attempt; what the plan says to what became of it.
  private func connect(_ number: UInt32, _ end: End, _ address: SocketAddress, _ attempt: Int) -> DialPlan.Action {
    func failed(_ reason: String) -> DialPlan.Action {
      dials[number]?.step(end) { $0.attemptFailed(attempt, reason, now: tick) } ?? .wait
    }
    guard let descriptor = owner(of: hyper_socket(address.family)) else { return failed(errorText(errno)) }
    if !address.isUnix, let problem = prepare(descriptor.number, family: address.family) { return failed(problem) }
    let result = address.withPointer { Glibc.connect(descriptor.number, $0, $1) }
    let code = result == 0 ? 0 : errno
    if code == EAGAIN, address.isUnix {
      return dials[number]?.step(end) { $0.listenerBusy(attempt, "the listener's queue is full", now: tick) } ?? .wait
    }
    guard code == 0 || code == EINPROGRESS || code == EINTR else { return failed(errorText(code)) }
    if code == 0 {
      return connected(number, end, attempt, descriptor) { hyper_epoll_add(epoll.number, $0, Self.allEvents, $1) }
    }
    attemptSerial &+= 1
    let key = EventKey(attempt: attemptSerial, slot: number, end: end)
    guard hyper_epoll_add(epoll.number, descriptor.number, Self.allEvents, key.raw) == 0 else { return failed(errorText(errno)) }
    let pending = Dial.Attempt(end: end, number: attempt, serial: attemptSerial, descriptor: descriptor.release())
    dials[number]?.attempts.append(pending)
    return .wait
  }

  /// The connection stands: the token is the first that is said. The slot takes the socket over, under a key of its own,
  /// with which epoll reports anew how it is.
  private func connected(
    _ number: UInt32, _ end: End, _ attempt: Int, _ descriptor: consuming Descriptor, watch: (Int32, UInt64) -> Int32
  ) -> DialPlan.Action {
    func failed(_ reason: String) -> DialPlan.Action {
      dials[number]?.step(end) { $0.attemptFailed(attempt, reason, now: tick) } ?? .wait
    }
    if end == .downstream, dials[number]?.quiet == nil, !present(number, on: descriptor.number) {
      return failed("the token could not be written: \(errorText(errno))")
    }
    let key = EventKey(slot: number, generation: slots[Int(number)].generation, end: end)
    guard watch(descriptor.number, key.raw) == 0 else { return failed(errorText(errno)) }
    slots[Int(number)][end] = SocketState(descriptor: descriptor.release(), readiness: .writable)
    return dials[number]?.step(end) { plan in
      plan.connected(attempt)
      return .wait
    } ?? .wait
  }

  /// In one segment: the deployed network reads the token with one call. A fresh socket has room for it.
  private func present(_ number: UInt32, on descriptor: Int32) -> Bool {
    guard let token = dials[number]?.token else { return true }
    // Another address of the token port may be next.
    guard token.bytes.withUnsafeBytes({ hyper_send(descriptor, $0.baseAddress, $0.count, 0) == $0.count }) else { return false }
    dials[number]?.token = nil
    return true
  }

  /// The token that was held back, now that the server is known. False when the leg is lost: nobody is there to be told.
  private func presentHeldBack(_ number: UInt32) -> Bool {
    if present(number, on: slots[Int(number)].downstream.descriptor) { return true }
    details[number] = "the token could not be written: \(errorText(errno))"
    return false
  }

  /// epoll has said something about a socket that is being connected.
  func attemptReported(_ number: UInt32, _ end: End, serial: UInt32, _ events: UInt32) {
    let isLost = events & (hyper_EPOLLHUP | hyper_EPOLLERR) != 0
    guard isLost || events & hyper_EPOLLOUT != 0 else { return }
    guard let position = dials[number]?.attempts.firstIndex(where: { $0.serial == serial }),
      let attempt = dials[number]?.attempts.remove(at: position), let descriptor = Descriptor(owning: attempt.descriptor)
    else { return }
    let code = hyper_take_error(descriptor.number)
    if code == 0, !isLost {
      let action = connected(number, end, attempt.number, descriptor) { hyper_epoll_modify(epoll.number, $0, Self.allEvents, $1) }
      take(number, end) { _, _ in action }
    } else {
      let reason = errorText(code == 0 ? ECONNRESET : code)
      take(number, end) { plan, tick in plan.attemptFailed(attempt.number, reason, now: tick) }
    }
    decideDial(number)
  }

  /// Closes the attempts that the plan has no use for any more.
  private func closeAbandoned(_ number: UInt32, _ end: End) {
    guard let dial = dials[number], let plan = dial.plan(end) else { return }
    for attempt in dial.attempts where attempt.end == end && !plan.underWay.contains(attempt.number) { close(attempt.descriptor) }
    dials[number]?.attempts.removeAll { $0.end == end && !plan.underWay.contains($0.number) }
  }

  /// There is nothing to dial any more.
  @inline(__always)
  func forgetDial(_ number: UInt32) {
    if !dials.isEmpty { forgetDialUnderWay(number) }
  }

  private func forgetDialUnderWay(_ number: UInt32) {
    guard let dial = dials.removeValue(forKey: number) else { return }
    for attempt in dial.attempts { close(attempt.descriptor) }
  }

  func dialTimePassed(_ number: UInt32) {
    for end in End.allCases { take(number, end) { plan, tick in plan.timePassed(now: tick) } }
    decideDial(number)
  }

  private func decideDial(_ number: UInt32) {
    guard let dial = dials[number] else { return }
    if dial.endsQuietly() { return end(number, .upstreamUnreachable) }
    switch DialDecision.decide(downstream: dial.downstream?.state, upstream: dial.upstream?.state) {
    case .wait:
      wheel.schedule(number, at: dial.nextCheck)
    case .readHello:
      forgetDial(number)
      slots[Int(number)].phase = .hello
      schedule(number, after: settings.helloTimeout)
    case .relay:
      guard presentHeldBack(number) else { return end(number, .tokenPortUnreachable, resetting: .upstream) }
      forgetDial(number)
      startRelaying(number)
    case .refuse:
      guard presentHeldBack(number) else { return end(number, .upstreamUnreachable) }
      refuse(number, with: .internalError, cause: .upstreamUnreachable, detail: details[number])
    case .giveUp:
      end(number, .tokenPortUnreachable)
    }
  }
}
