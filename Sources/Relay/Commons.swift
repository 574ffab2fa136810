import Limits
import Synchronization

/// What the loops of one engine have in common: bounds that hold for all of them together, and the way out.
///
/// Mutable state is atomics only, touched a few times per stream and never on the byte path.
final class Commons: Sendable {
  /// What is counted of a source.
  private enum OfSource {
    static let streams = 0
    static let helloBytes = 1
    static let waiting = 2
    static let presenting = 3
  }

  /// What is counted of a server name.
  private enum OfName {
    static let streams = 0
    static let waiting = 1
  }

  let settings: RelaySettings
  let maxStreams: Int
  private let streamsPerSource: ShareRule
  private let streamsPerName: ShareRule
  private let waitingPerSource: ShareRule
  private let waitingPerName: ShareRule
  private let presentingPerSource: ShareRule
  let pipesPerLoop: Int
  /// See `DescriptorBudget`.
  let firstReserved: Int32
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
  private let sourceKey = BucketKey(.random(in: .min ... .max))
  private let nameHash = NameHash(.random(in: .min ... .max))
  private let bySource = BucketCounts(columns: 4)
  private let byName = BucketCounts(columns: 2)
  private let sourceRates: [PaceTable]
  private let nameRates: [PaceTable]
  /// Whether there is any rate at all.
  private let isPaced: Bool

  init(
    settings: RelaySettings, maxStreams: Int, pipesPerLoop: Int, firstReserved: Int32, dialSource: DialSource, mailboxes: [Mailbox],
    events: EventQueue
  ) {
    self.settings = settings
    self.maxStreams = maxStreams
    streamsPerSource = ShareRule(limit: maxStreams, share: .init(settings.maxStreamsPerSource), assured: Self.assured)
    streamsPerName = ShareRule(
      limit: maxStreams, share: .init(settings.maxStreamsPerName, weight: Self.nameWeight), assured: Self.assured)
    waitingPerSource = ShareRule(limit: settings.maxWaiting, share: .init(settings.maxWaitingPerSource), assured: Self.assured)
    waitingPerName = ShareRule(limit: settings.maxWaiting, share: .init(settings.maxWaitingPerName), assured: Self.assured)
    presentingPerSource = ShareRule(limit: settings.maxPresenting, share: .init(settings.maxPresentingPerSource), assured: Self.assured)
    sourceRates = settings.sourceRates.map { PaceTable($0) }
    nameRates = settings.nameRates.map { PaceTable($0) }
    isPaced = !sourceRates.isEmpty || !nameRates.isEmpty
    self.pipesPerLoop = pipesPerLoop
    self.firstReserved = firstReserved
    self.dialSource = dialSource
    self.mailboxes = mailboxes
    self.events = events
    runningLoops = Atomic(mailboxes.count)
  }

  /// What everybody may have of a fair share: a page's worth of connections.
  private static let assured = 16
  /// See `RelaySettings.maxStreamsPerName`.
  private static let nameWeight = 16

  /// How many of the events found no room. `batch` is empty afterwards.
  func tell(_ batch: inout RelayNews) -> Int { events.append(&batch) }

  func bucket(of source: PeerAddress) -> Bucket { sourceKey.bucket(of: source.source) }

  func bucket(of name: String) -> Bucket { Bucket(number: UInt16(truncatingIfNeeded: nameHash.hash(name))) }

  /// Counts a new client; what is in the way when there is no room for it.
  ///
  /// - Parameter now: nanoseconds on the machine's coarse clock, as it is now: what a loop read at the start of its turn may lie before what
  ///   another one has read, and the last of as many as may come at once would be too many.
  func admitClient(_ bucket: Bucket, now: @autoclosure () -> UInt64) -> RelayLimit? {
    if isPaced, !isInPace(sourceRates, bucket, now()) { return .sourceRate }
    let taken = streams.wrappingAdd(1, ordering: .relaxed).oldValue
    guard taken < maxStreams else {
      releaseStream()
      return .streams
    }
    let held = bySource.add(1, bucket, OfSource.streams)
    if streamsPerSource.verdict(held: held, free: maxStreams - taken) == .admitted { return nil }
    releaseClient(bucket)
    return .streamsPerSource
  }

  private func isInPace(_ rates: [PaceTable], _ bucket: Bucket, _ now: UInt64) -> Bool {
    for rate in rates where !rate.admit(bucket, now: now) { return false }
    return true
  }

  func releaseClient(_ bucket: Bucket) {
    bySource.subtract(1, bucket, OfSource.streams)
    releaseStream()
  }

  /// Counts an admitted client for the name that it asks for. Each that was admitted is given back by `releaseName`.
  func admitName(_ bucket: Bucket, now: @autoclosure () -> UInt64) -> RelayLimit? {
    if isPaced, !isInPace(nameRates, bucket, now()) { return .nameRate }
    let held = byName.add(1, bucket, OfName.streams)
    if streamsPerName.verdict(held: held, free: maxStreams - streams.load(ordering: .relaxed)) == .admitted { return nil }
    releaseName(bucket)
    return .streamsPerName
  }

  func releaseName(_ bucket: Bucket) { byName.subtract(1, bucket, OfName.streams) }

  func admitStream() -> Bool { Self.take(1, from: streams, limit: maxStreams) }

  func releaseStream() { streams.wrappingSubtract(1, ordering: .relaxed) }

  /// Counts one who waits.
  ///
  /// - Parameter client: source and name; nil for what has no source of its own: what comes over legs has the same one.
  func admitWaiting(_ client: (source: Bucket, name: Bucket)?) -> RelayLimit? {
    let taken = waiting.wrappingAdd(1, ordering: .relaxed).oldValue
    guard taken < settings.maxWaiting else {
      waiting.wrappingSubtract(1, ordering: .relaxed)
      return .waiting
    }
    guard let client else { return nil }
    let free = settings.maxWaiting - taken
    let (ofSource, ofName) = (bySource.add(1, client.source, OfSource.waiting), byName.add(1, client.name, OfName.waiting))
    if waitingPerName.verdict(held: ofName, free: free) != .admitted {
      releaseWaiting(client)
      return .waitingPerName
    }
    if waitingPerSource.verdict(held: ofSource, free: free) != .admitted {
      releaseWaiting(client)
      return .waitingPerSource
    }
    return nil
  }

  func releaseWaiting(_ client: (source: Bucket, name: Bucket)?) {
    if let client {
      bySource.subtract(1, client.source, OfSource.waiting)
      byName.subtract(1, client.name, OfName.waiting)
    }
    waiting.wrappingSubtract(1, ordering: .relaxed)
  }

  /// Counts a connection at the token port until its token is there.
  func admitPresenting(_ bucket: Bucket) -> RelayLimit? {
    let taken = presenting.wrappingAdd(1, ordering: .relaxed).oldValue
    guard taken < settings.maxPresenting else {
      presenting.wrappingSubtract(1, ordering: .relaxed)
      return .presenting
    }
    let held = bySource.add(1, bucket, OfSource.presenting)
    if presentingPerSource.verdict(held: held, free: settings.maxPresenting - taken) == .admitted { return nil }
    releasePresenting(bucket)
    return .presentingPerSource
  }

  func releasePresenting(_ bucket: Bucket) {
    bySource.subtract(1, bucket, OfSource.presenting)
    presenting.wrappingSubtract(1, ordering: .relaxed)
  }

  /// Counts bytes of a hello; when there are too many nothing is counted, and the answer says of whom.
  ///
  /// - Parameter bucket: nil for what has no source of its own: everything that comes over legs has the same one.
  func admitHello(bytes: Int, bucket: Bucket?) -> RelayLimit? {
    guard Self.take(bytes, from: helloBytes, limit: settings.helloBudget) else { return .helloBudget }
    guard let bucket else { return nil }
    let held = bySource.add(Int32(bytes), bucket, OfSource.helloBytes) + bytes
    // Half of what the counter holds: a larger share would never be noticed.
    if held > min(settings.helloBudgetPerSource, 1 << 30) {
      releaseHello(bytes: bytes, bucket: bucket)
      return .helloBudgetPerSource
    }
    return nil
  }

  func releaseHello(bytes: Int, bucket: Bucket?) {
    if let bucket { bySource.subtract(Int32(bytes), bucket, OfSource.helloBytes) }
    helloBytes.wrappingSubtract(bytes, ordering: .relaxed)
  }

  private static func take(_ amount: Int, from counter: borrowing Atomic<Int>, limit: Int) -> Bool {
    if counter.wrappingAdd(amount, ordering: .relaxed).newValue <= limit { return true }
    counter.wrappingSubtract(amount, ordering: .relaxed)
    return false
  }
}
