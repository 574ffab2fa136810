import Synchronization

/// What the loops of one engine have in common: bounds that hold for all of them together, and the way out.
///
/// Mutable state is atomics only, touched once or twice per stream and never on the byte path.
///
/// `@unchecked Sendable`: the two pointers never change and point to atomics that live as long as the object; all else is
/// Sendable by itself.
final class Commons: @unchecked Sendable {
  static let sourceBuckets = 1 << 16

  let settings: RelaySettings
  let maxStreams: Int
  let maxStreamsPerSource: Int
  let pipesPerLoop: Int
  let dialSource: DialSource
  let mailboxes: [Mailbox]
  let resolver = Resolver()

  let streams = Atomic<Int>(0)
  let waiting = Atomic<Int>(0)
  let presenting = Atomic<Int>(0)
  let helloBytes = Atomic<Int>(0)
  let tokensDrawn = Atomic<UInt64>(0)
  let ordersDropped = Atomic<UInt64>(0)
  /// Events that an order's sender, not a loop, could not pass on.
  let eventsDropped = Atomic<UInt64>(0)
  let runningLoops: Atomic<Int>

  private let events: EventQueue
  private let sourceStreams: UnsafeMutablePointer<Atomic<Int32>>
  private let sourceHelloBytes: UnsafeMutablePointer<Atomic<Int32>>
  private let sourceKey = UInt64.random(in: .min ... .max)

  init(
    settings: RelaySettings, maxStreams: Int, pipesPerLoop: Int, dialSource: DialSource, mailboxes: [Mailbox],
    events: EventQueue
  ) {
    self.settings = settings
    self.maxStreams = maxStreams
    self.maxStreamsPerSource = settings.maxStreamsPerSource ?? max(1, maxStreams / 2)
    self.pipesPerLoop = pipesPerLoop
    self.dialSource = dialSource
    self.mailboxes = mailboxes
    self.events = events
    runningLoops = Atomic(mailboxes.count)
    sourceStreams = .allocate(capacity: Self.sourceBuckets)
    sourceHelloBytes = .allocate(capacity: Self.sourceBuckets)
    for index in 0..<Self.sourceBuckets {
      (sourceStreams + index).initialize(to: Atomic(0))
      (sourceHelloBytes + index).initialize(to: Atomic(0))
    }
  }

  deinit {
    sourceStreams.deinitialize(count: Self.sourceBuckets)
    sourceHelloBytes.deinitialize(count: Self.sourceBuckets)
    sourceStreams.deallocate()
    sourceHelloBytes.deallocate()
  }

  /// How many of the events found no room. `batch` is empty afterwards.
  func tell(_ batch: inout [RelayEvent]) -> Int { events.append(&batch) }

  /// Where a source is counted. Mixed with a random key, so that nobody can choose whose bucket to share.
  func bucket(of source: PeerAddress) -> UInt16 {
    var mixed = (source.source ^ sourceKey) &* 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 32)) &* 0xd6e8_feb8_6659_fd93
    return UInt16(truncatingIfNeeded: (mixed ^ (mixed >> 29)) >> 13)
  }

  /// Counts a new stream; false when there are too many, of all or of its source.
  func admitClient(bucket: UInt16) -> Bool {
    guard admitStream() else { return false }
    let source = sourceStreams[Int(bucket)].wrappingAdd(1, ordering: .relaxed).newValue
    if Int(source) > maxStreamsPerSource {
      releaseClient(bucket: bucket)
      return false
    }
    return true
  }

  func releaseClient(bucket: UInt16) {
    sourceStreams[Int(bucket)].wrappingSubtract(1, ordering: .relaxed)
    releaseStream()
  }

  func admitStream() -> Bool { Self.take(1, from: streams, limit: maxStreams) }

  func releaseStream() { streams.wrappingSubtract(1, ordering: .relaxed) }

  func admitWaiting() -> Bool { Self.take(1, from: waiting, limit: settings.maxWaiting) }

  func releaseWaiting() { waiting.wrappingSubtract(1, ordering: .relaxed) }

  func admitPresenting() -> Bool { Self.take(1, from: presenting, limit: settings.maxPresenting) }

  func releasePresenting() { presenting.wrappingSubtract(1, ordering: .relaxed) }

  /// Which budget is used up.
  enum HelloBudget: String {
    /// That of all hellos together. The text is the key of the setting.
    case all = "hello_budget"
    /// That of one source.
    case source = "hello_budget_per_source"
  }

  /// Counts bytes of a hello; when there are too many nothing is counted, and the answer says of whom.
  ///
  /// - Parameter bucket: nil for what has no source of its own: everything that comes over legs has the same one.
  func admitHello(bytes: Int, bucket: UInt16?) -> HelloBudget? {
    guard Self.take(bytes, from: helloBytes, limit: settings.helloBudget) else { return .all }
    guard let bucket else { return nil }
    let held = sourceHelloBytes[Int(bucket)].wrappingAdd(Int32(bytes), ordering: .relaxed).newValue
    // Half of what the counter holds: a larger share would never be noticed.
    if Int(held) > min(settings.helloBudgetPerSource, 1 << 30) {
      releaseHello(bytes: bytes, bucket: bucket)
      return .source
    }
    return nil
  }

  func releaseHello(bytes: Int, bucket: UInt16?) {
    if let bucket { sourceHelloBytes[Int(bucket)].wrappingSubtract(Int32(bytes), ordering: .relaxed) }
    helloBytes.wrappingSubtract(bytes, ordering: .relaxed)
  }

  private static func take(_ amount: Int, from counter: borrowing Atomic<Int>, limit: Int) -> Bool {
    if counter.wrappingAdd(amount, ordering: .relaxed).newValue <= limit { return true }
    counter.wrappingSubtract(amount, ordering: .relaxed)
    return false
  }
}
