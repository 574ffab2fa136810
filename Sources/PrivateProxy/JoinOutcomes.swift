import Operations
import Relay
import Synchronization

/// Brings together the one who ordered a join and the relay's word on how it went, whichever comes first.
///
/// Remembers also what a notice said about the client, for those streams whose server is chosen later. `entries` and `facts` are protected by their
/// mutexes; continuations are resumed outside. An entry lives at most until its stream has ended and its one reader has read it.
final class JoinOutcomes: Sendable {
  enum Outcome: Hashable, Sendable {
    case joined
    case failed(DialSide, String)
    /// None of our servers is for it.
    case unserved(String)
    /// The stream is gone without either having been said.
    case ended(String)
    /// Nothing was heard within the reader's patience: the dials go on.
    case undecided
  }

  private struct Entry {
    /// The first thing that was said.
    var outcome: Outcome?
    var reader: CheckedContinuation<Outcome, Never>?
    var isRead = false
    /// Nothing more will be said.
    var hasEnded = false
  }

  private let entries = Mutex<[StreamID: Entry]>([:])
  private let clock = DeadlineClock()
  private let facts = Mutex<[StreamID: ClientFacts]>([:])

  /// How many streams are remembered, for metrics and tests.
  var count: Int { entries.withLock { $0.count } }

  /// Orders a stream and remembers what is known about its client until it ends.
  ///
  /// The order is given under the lock, so that nobody who hears of the stream comes before its facts; it does not wait for anything.
  func remember(_ known: ClientFacts, of order: () -> StreamID) -> StreamID {
    facts.withLock { facts in
      let stream = order()
      facts[stream] = known
      return stream
    }
  }

  /// What was remembered.
  func facts(of stream: StreamID) -> ClientFacts? { facts.withLock { $0[stream] } }

  /// The relay has said something about a stream.
  func report(_ outcome: Outcome, of stream: StreamID) {
    change(stream) { $0.outcome = $0.outcome ?? outcome }
  }

  /// The stream is gone: forgets it, unless its reader has still to come.
  func ended(_ summary: StreamSummary) {
    facts.withLock { facts in if !facts.isEmpty { facts[summary.id] = nil } }
    change(summary.id) { entry in
      entry.outcome = entry.outcome ?? .ended(summary.detail ?? summary.cause.name)
      entry.hasEnded = true
    }
  }

  /// The first thing said about a stream, or `undecided` after `patience`. To be asked once per stream.
  ///
  /// - Parameter quiet: ends with the patience. If the relay has ended it before, what it has to say about the stream is waited for.
  func outcome(of stream: StreamID, patience: Duration, quiet: QuietPeriod? = nil) async -> Outcome {
    // Before the clock is set, which may be quicker than what follows.
    change(stream) { _ in }
    let ticket = clock.watch(until: .now + patience) { [weak self] in self?.patienceEnded(stream, quiet) }
    defer { clock.forget(ticket) }
    return await withCheckedContinuation { continuation in change(stream) { $0.reader = continuation } }
  }

  private func patienceEnded(_ stream: StreamID, _ quiet: QuietPeriod?) {
    var isToldLater = false
    // In one step, so that what the relay says afterwards is not said first.
    change(stream, ifMissing: nil) { entry in
      guard entry.outcome == nil else { return }
      if quiet?.end() ?? true { entry.outcome = .undecided } else { isToldLater = true }
    }
    guard isToldLater else { return }
    // By then it has been said, unless the relay's events are read too slowly and some were lost.
    _ = clock.watch(until: .now + Self.margin) { [weak self] in
      self?.change(stream, ifMissing: nil) { entry in entry.outcome = entry.outcome ?? .ended("nothing was heard of it") }
    }
  }

  private static let margin: Duration = .seconds(5)

  /// One step of an entry; its reader goes on as soon as there is something to read.
  ///
  /// - Parameter missing: what there is when there is no entry. Nil: the step is not taken, since everything has been said and read.
  private func change(_ stream: StreamID, ifMissing missing: Entry? = Entry(), _ step: (inout Entry) -> Void) {
    let (reader, outcome) = entries.withLock { entries -> (CheckedContinuation<Outcome, Never>?, Outcome?) in
      guard var entry = entries[stream] ?? missing else { return (nil, nil) }
      step(&entry)
      var reader: CheckedContinuation<Outcome, Never>?
      if entry.outcome != nil, let waiting = entry.reader {
        reader = waiting
        entry.reader = nil
        entry.isRead = true
      }
      entries[stream] = entry.isRead && entry.hasEnded ? nil : entry
      return (reader, entry.outcome)
    }
    if let reader, let outcome { reader.resume(returning: outcome) }
  }
}
