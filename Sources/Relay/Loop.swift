import CLinux
import ClientHello
import Glibc

/// One thread, one epoll instance, and the streams that live there from their first to their last event.
///
/// `@unchecked Sendable`: created by the engine, then handed to its thread (`run`), which alone touches it from then on.
/// The only parts that others see are the mailbox, the counters and the commons, which are made for it.
///
/// The slots are a slab of plain memory: a stream's state is reached through a pointer that never moves, without
/// reference counting or exclusivity checks. A pointer into the slab is used only on this thread; whether a slot still
/// belongs to the stream that somebody means is decided by its generation. Memory that was never used is never touched,
/// so the slab costs address space only.
///
/// The loop's own variables are not checked for overlapping access either: one thread touches them, and no method is called
/// back from inside a mutation of one of them. The checks cost a third of all instructions of a small round trip.
final class Loop: @unchecked Sendable {
  typealias Slot = UnsafeMutablePointer<StreamSlot>

  /// Operations of one direction in one go, so that a busy stream does not delay the others.
  static let fairness = 16
  /// Connections accepted in one go, for the same reason. The listener reports the rest again.
  static let acceptBatch = 32
  /// So many turns in a row with a client do not mean that there are several at a time.
  static let fewTurns = 7
  static let eventBatch = 256
  /// Milliseconds for which events that nobody waits for are kept, and how many, to be told together. 50 ms: soon for a
  /// log line, and enough to wake the control plane once for many streams when many end.
  static let newsRest: UInt64 = 50
  static let newsBatch = 256

  let index: Int
  let commons: Commons
  let settings: RelaySettings
  let mailbox: Mailbox
  let counters: LoopCounters
  let epoll: Descriptor

  let capacity: UInt32
  let slots: Slot
  let scratch: UnsafeMutableRawBufferPointer
  let eventBuffer: UnsafeMutablePointer<hyper_event>
  /// Limits in the units of the loop.
  let idleTicks: UInt32
  let noticeMilliseconds: UInt64
  let pipeRestMilliseconds: UInt64
  let helloMilliseconds: UInt64
  let dialMilliseconds: UInt64
  let discardMilliseconds: UInt64
  let keepalive: (idle: Int32, interval: Int32, probes: Int32)
  /// How long a stream relays before its peers are probed.
  let keepaliveTicks: UInt32

  /// Slots from here on were never used.
  @exclusivity(unchecked) var highWater: UInt32 = 0
  @exclusivity(unchecked) var firstFree = UInt32.max
  /// Slots in use.
  @exclusivity(unchecked) var live = 0

  @exclusivity(unchecked) var wheel = TimerWheel()
  /// Milliseconds since the loop was made, read once per turn.
  @exclusivity(unchecked) var now: UInt64 = 0
  /// Counts the turns of the loop.
  @exclusivity(unchecked) var turn: UInt32 = 1
  /// The last turn in which a listener had somebody.
  @exclusivity(unchecked) var acceptedAt: UInt32 = 0
  /// Turns in a row in which one had, and was not asked in vain.
  @exclusivity(unchecked) var turnsWithClients: UInt32 = 0
  let epoch: UInt64
  let firstReserved: Int32

  @exclusivity(unchecked) var tokens = TokenTable()
  @exclusivity(unchecked) var names = RecentNames()
  /// What only a few streams have, and not for long.
  @exclusivity(unchecked) var partialHellos: [UInt32: PartialHello] = [:]
  @exclusivity(unchecked) var dials: [UInt32: Dial] = [:]
  /// Attempts to connect made so far: the next one's name.
  @exclusivity(unchecked) var attemptSerial: UInt32 = 0
  @exclusivity(unchecked) var details: [UInt32: String] = [:]
  /// Streams that were ordered, by the serial number that names them.
  @exclusivity(unchecked) var ordered: [UInt32: UInt32] = [:]
  @exclusivity(unchecked) var addresses = AddressCache()
  @exclusivity(unchecked) var pipes: PipePool
  /// When unused pipes are to be closed; `.max` while there are none.
  @exclusivity(unchecked) var pipesTrimmedAt = UInt64.max

  @exclusivity(unchecked) var ready: [UInt32] = []
  @exclusivity(unchecked) var readyNow: [UInt32] = []
  @exclusivity(unchecked) var expired: [UInt32] = []
  @exclusivity(unchecked) var orders: [Order] = []

  @exclusivity(unchecked) var listeners: [ListeningSocket] = []
  /// `.max` unless accepting rests.
  @exclusivity(unchecked) var acceptResumesAt = UInt64.max
  /// A descriptor to give up when there is no other left, so that a connection can be accepted and closed.
  @exclusivity(unchecked) var spare: Int32 = -1
  @exclusivity(unchecked) var isDraining = false
  @exclusivity(unchecked) var drainEndsAt: UInt64 = .max
  @exclusivity(unchecked) var notices = NoticeLimiter()
  @exclusivity(unchecked) var refusalReports: RefusalReports
  /// Events that are still to be told, and when; `.max` when there are none.
  @exclusivity(unchecked) var news = RelayNews()
  @exclusivity(unchecked) var newsDueAt = UInt64.max

  /// Nil when no descriptor can be had.
  init?(index: Int, commons: Commons, counters: LoopCounters) {
    guard let epoll = Descriptor(owning: hyper_epoll_create()) else { return nil }
    self.index = index
    self.commons = commons
    self.counters = counters
    self.epoll = epoll
    settings = commons.settings
    mailbox = commons.mailboxes[index]
    capacity = UInt32(min(commons.maxStreams + commons.settings.maxPresenting, Int(EventKey.maxSlots)))
    slots = .allocate(capacity: Int(capacity))
    scratch = .allocate(byteCount: max(4096, settings.copyBuffer), alignment: 64)
    eventBuffer = .allocate(capacity: Self.eventBatch)
    idleTicks = UInt32(clamping: (settings.idleTimeout.milliseconds + TimerWheel.tickMilliseconds - 1) / TimerWheel.tickMilliseconds)
    noticeMilliseconds = settings.noticeInterval.milliseconds
    pipeRestMilliseconds = max(1, settings.pipeRest.milliseconds)
    firstReserved = commons.firstReserved
    pipes = PipePool(limit: commons.pipesPerLoop, size: settings.pipeSize) { [firstReserved, open = settings.openPipe] size in
      guard let pipe = open(size) else { return nil }
      guard max(pipe.readEnd, pipe.writeEnd) >= firstReserved else { return pipe }
      pipe.close()
      return nil
    }
    refusalReports = RefusalReports(limit: settings.refusalsTold)
    helloMilliseconds = settings.helloTimeout.milliseconds
    dialMilliseconds = settings.dialTimeout.milliseconds
    discardMilliseconds = settings.discardTimeout.milliseconds
    keepalive = settings.keepalive
    keepaliveTicks = UInt32(clamping: max(1, settings.keepaliveIdle.milliseconds / 2 / TimerWheel.tickMilliseconds))
    epoch = hyper_coarse_milliseconds()
    spare = Self.openSpare()
  }

  deinit {
    slots.deinitialize(count: Int(highWater))
    slots.deallocate()
    scratch.deallocate()
    eventBuffer.deallocate()
    if spare >= 0 { close(spare) }
  }

  /// The owner of what a system call gave. Nil when it failed, with its `errno`, and with EMFILE when it gave one of the descriptors that
  /// are kept for the rest of the process (`DescriptorBudget`).
  func owner(of number: Int32) -> Descriptor? {
    guard number >= firstReserved else { return Descriptor(owning: number) }
    close(number)
    errno = EMFILE
    return nil
  }

  /// The thread's body: ends after a drain order.
  func run() {
    guard hyper_epoll_add(epoll.number, mailbox.wakeNumber, hyper_EPOLLIN, EventKey.wake) == 0 else { return finish() }
    while !isDraining || live > 0 {
      let due = nextDue
      let count = hyper_epoll_wait(epoll.number, eventBuffer, Int32(Self.eventBatch), milliseconds(until: due))
      now = hyper_coarse_milliseconds() &- epoch
      turn &+= 1
      // EINTR is the only error that can occur here: the descriptor and the buffer are ours.
      var event = eventBuffer
      for _ in 0..<max(0, count) {
        dispatch(event.pointee)
        event += 1
      }
      if !ready.isEmpty { serveReady() }
      if now >= due || tick > wheel.current { checkClock() }
      if newsDueAt <= now { passNewsOn() }
    }
    finish()
  }

  private func finish() {
    // An order may come after the last look at them.
    for stream in mailbox.close() { neverStarted(stream, .stopped) }
    passNewsOn()
    listeners.removeAll()
    pipes.closeIdle()
    counters.set(.pipes, to: UInt64(pipes.count))
  }

  var tick: UInt32 { UInt32(truncatingIfNeeded: now / TimerWheel.tickMilliseconds) }

  private func dispatch(_ event: hyper_event) {
    let key = EventKey(event.data)
    guard key.slot < highWater else {
      if event.data == EventKey.wake {
        carryOutOrders()
      } else if let attempt = key.attempt {
        attemptReported(attempt.slot, key.end, serial: attempt.number, event.events)
      } else {
        listenerIsReady(key)
      }
      return
    }
    let slot = slots + Int(key.slot)
    guard slot.pointee.generation == key.generation, slot.pointee.phase != .free else { return }
    let bits = event.events
    var news: Readiness = []
    if bits & (hyper_EPOLLIN | hyper_EPOLLRDHUP | hyper_EPOLLHUP | hyper_EPOLLERR) != 0 { news.insert(.readable) }
    if bits & hyper_EPOLLOUT != 0 { news.insert(.writable) }
    if bits & (hyper_EPOLLRDHUP | hyper_EPOLLHUP) != 0 { news.insert(.endSeen) }
    if bits & hyper_EPOLLERR != 0 { news.insert(.failed) }
    let isLost = bits & (hyper_EPOLLHUP | hyper_EPOLLERR) != 0
    let known = slot.pointee[key.end].readiness
    slot.pointee[key.end].readiness = known.union(news)
    switch slot.pointee.phase {
    case .relaying:
      relay(key.slot, after: news.subtracting(known), of: key.end)
    case .hello, .presenting, .discarding:
      serve(key.slot)
    case .deciding, .waiting:
      // An end of the client's half is kept for the server; a lost client needs none.
      if isLost { end(key.slot, .clientGone) }
    case .dialing:
      // A lost client, or a lost public side: there is nobody to dial for. A lost server is the pump's business.
      if isLost, key.end == .downstream { end(key.slot, .clientGone) }
    case .connecting:
      if key.end == .upstream { connectionReported(key.slot, bits) } else if isLost { end(key.slot, .clientGone) }
    case .free:
      break
    }
  }

  /// Does what a stream can do now.
  func serve(_ number: UInt32) {
    switch slots[Int(number)].phase {
    case .relaying: relay(number)
    case .hello: readHello(number)
    case .presenting: readToken(number)
    case .discarding: discardInput(number)
    case .free, .deciding, .waiting, .dialing, .connecting: break
    }
  }

  /// Puts a stream that used up its share at the end of the queue.
  func serveLater(_ number: UInt32) {
    guard !slots[Int(number)].isInReadyList else { return }
    slots[Int(number)].isInReadyList = true
    ready.append(number)
  }

  private func serveReady() {
    swap(&ready, &readyNow)
    for position in readyNow.indices {
      let number = readyNow[position]
      // A slot that was freed has the mark removed and is passed over.
      guard slots[Int(number)].isInReadyList else { continue }
      slots[Int(number)].isInReadyList = false
      serve(number)
    }
    readyNow.removeAll(keepingCapacity: true)
  }

  /// Reports at the end of this turn.
  func tell(_ event: consuming RelayEvent) {
    news.append(event)
    newsDueAt = 0
  }

  /// Reports what nobody waits for, together with what else comes soon.
  func tellLater(_ event: consuming RelayEvent) {
    news.append(event)
    restNews()
  }

  /// The same of a stream's end.
  @inline(__always)
  func tellLater(_ end: consuming StreamSummary) {
    if newsDueAt == .max { news.reserve(Self.newsBatch) }
    news.append(end)
    restNews()
  }

  @inline(__always)
  private func restNews() {
    if newsDueAt == .max { newsDueAt = now + Self.newsRest }
    if news.count >= Self.newsBatch { newsDueAt = 0 }
  }

  private func passNewsOn() {
    newsDueAt = .max
    let dropped = commons.tell(&news)
    if dropped > 0 { counters.add(UInt64(dropped), to: .eventsDropped) }
  }
}
