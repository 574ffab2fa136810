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

  private enum Entry {
    /// Said before anyone asked.
    case known(Outcome)
    case awaited(CheckedContinuation<Outcome, Never>)
    /// Asked and answered; what comes later is nobody's.
    case answered
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
    let waiter = entries.withLock { entries -> CheckedContinuation<Outcome, Never>? in
      switch entries[stream] {
      case nil:
        entries[stream] = .known(outcome)
        return nil
      case .known, .answered:
        return nil
      case .awaited(let waiter):
        entries[stream] = .answered
        return waiter
      }
    }
    waiter?.resume(returning: outcome)
  }

  /// The stream is gone: forgets it, unless its reader has still to come.
  func ended(_ summary: StreamSummary) {
    facts.withLock { facts in if !facts.isEmpty { facts[summary.id] = nil } }
    report(.ended(summary.detail ?? summary.cause.name), of: summary.id)
    entries.withLock { entries in
      if case .answered = entries[summary.id] { entries[summary.id] = nil }
    }
  }

  /// The first thing said about a stream, or `undecided` after `patience`. To be asked once per stream.
  func outcome(of stream: StreamID, patience: Duration) async -> Outcome {
    let ticket = clock.watch(until: .now + patience) { [weak self] in self?.giveUp(on: stream) }
    defer { clock.forget(ticket) }
    return await wait(for: stream)
  }

  private func wait(for stream: StreamID) async -> Outcome {
    await withCheckedContinuation { continuation in
      let known = entries.withLock { entries -> Outcome? in
        guard case .known(let outcome) = entries[stream] else {
          entries[stream] = .awaited(continuation)
          return nil
        }
        // After an end nothing follows, so nothing would clean up behind us.
        if case .ended = outcome { entries[stream] = nil } else { entries[stream] = .answered }
        return outcome
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  private func giveUp(on stream: StreamID) {
    let waiter = entries.withLock { entries -> CheckedContinuation<Outcome, Never>? in
      switch entries[stream] {
      case .awaited(let waiter):
        entries[stream] = .answered
        return waiter
      case nil:
        // The reader has set its clock and is about to wait.
        entries[stream] = .known(.undecided)
        return nil
      case .known, .answered:
        return nil
      }
    }
    waiter?.resume(returning: .undecided)
  }
}
