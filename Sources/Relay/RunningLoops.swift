import Synchronization

/// The loops of a started engine, as the rest of the process sees them.
///
/// Mutable state: how many threads still run and who waits for their end, under one mutex; the threads themselves, until
/// somebody joins them, under another.
final class RunningLoops: Sendable {
  private struct Ending {
    var running: Int
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  let commons: Commons
  let descriptorLimit: Int
  private let counters: [LoopCounters]
  private let serial = Atomic<UInt32>(0)
  private let ending: Mutex<Ending>
  private let threads = Mutex<[Thread]>([])

  /// Makes the loops and starts their threads.
  init(
    settings: RelaySettings, descriptorLimit: Int, events: EventQueue
  ) throws(RelayError) {
    let count = min(max(1, settings.loops), 256)
    var mailboxes: [Mailbox] = []
    for _ in 0..<count {
      guard let mailbox = Mailbox(limit: settings.maxQueuedOrders) else { throw Self.noDescriptors }
      mailboxes.append(mailbox)
    }
    let budget = DescriptorBudget(limit: descriptorLimit, reserve: settings.descriptorReserve, loops: count, pipes: settings.pipesPerLoop)
    var settings = settings
    settings.maxPresenting = min(settings.maxPresenting, budget.presenting)
    let commons = Commons(
      settings: settings, maxStreams: max(1, settings.maxStreams ?? budget.streams), pipesPerLoop: budget.pipesPerLoop,
      firstReserved: budget.firstReserved, dialSource: try DialSource(settings.dialFrom), mailboxes: mailboxes, events: events)
    let counters = (0..<count).map { _ in LoopCounters() }
    var loops: [Loop] = []
    for index in 0..<count {
      guard let loop = Loop(index: index, commons: commons, counters: counters[index]) else { throw Self.noDescriptors }
      loops.append(loop)
    }
    self.commons = commons
    self.counters = counters
    self.descriptorLimit = descriptorLimit
    ending = Mutex(Ending(running: count))
    for (index, loop) in loops.enumerated() {
      let thread = Thread.start(name: "relay-\(index)") {
        loop.run()
        self.oneEnded()
      }
      guard let thread else {
        // Those that run already end at once; the others never will be.
        for _ in index..<count { oneEnded() }
        orderDrain(milliseconds: 0)
        throw RelayError(.system, "start the relay: the system refuses another thread")
      }
      threads.withLock { $0.append(thread) }
    }
  }

  deinit {
    // Nobody waited for the end: the engine was dropped without `stop`. Every thread holds us, so all are about to return.
    for thread in threads.withLock({ $0 }) { thread.detach() }
  }

  private static var noDescriptors: RelayError {
    RelayError(.system, "start the relay: no descriptors left", hint: "raise the limit on open files")
  }

  var loopCount: Int { commons.mailboxes.count }

  /// A name for a stream that is about to be ordered; the loops take turns.
  func nextOrdered() -> StreamID {
    while true {
      let number = serial.wrappingAdd(1, ordering: .relaxed).newValue
      if number != 0 { return StreamID(loop: Int(number) % loopCount, serial: number) }
    }
  }

  /// False when the order found no room, or the stream is of another engine.
  @discardableResult
  func post(_ order: Order, to loop: Int) -> Bool {
    guard commons.mailboxes.indices.contains(loop), commons.mailboxes[loop].post(order) else {
      commons.ordersDropped.wrappingAdd(1, ordering: .relaxed)
      return false
    }
    return true
  }

  func orderDrain(milliseconds: UInt64) {
    for mailbox in commons.mailboxes { mailbox.post(.drain(milliseconds: milliseconds)) }
  }

  /// Returns when all threads have ended. Bounded by the drain order that was given.
  func waitForEnd() async {
    await withCheckedContinuation { continuation in
      let isOver = ending.withLock { ending in
        if ending.running > 0 { ending.waiters.append(continuation) }
        return ending.running == 0
      }
      if isOver { continuation.resume() }
    }
    commons.resolver.close()
    // They have nothing left to do but to return.
    let ended = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in ended { thread.join() }
  }

  private func oneEnded() {
    let waiters = ending.withLock { ending in
      ending.running -= 1
      guard ending.running == 0 else { return [CheckedContinuation<Void, Never>]() }
      defer { ending.waiters = [] }
      return ending.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func snapshot() -> RelayCounters {
    var sum = RelayCounters()
    for counter in counters { counter.fold(into: &sum) }
    sum.streams = UInt64(max(0, commons.streams.load(ordering: .relaxed)))
    sum.waiting = UInt64(max(0, commons.waiting.load(ordering: .relaxed)))
    sum.helloBytesHeld = UInt64(max(0, commons.helloBytes.load(ordering: .relaxed)))
    sum.tokensDrawn = commons.tokensDrawn.load(ordering: .relaxed)
    sum.ordersDropped += commons.ordersDropped.load(ordering: .relaxed)
    sum.eventsDropped += commons.eventsDropped.load(ordering: .relaxed)
    return sum
  }
}
