import Synchronization

/// What an engine reports, of each stream in the order in which its loop has told it; for one reader. A busy engine wakes it for many
/// events together. Ends after the engine has stopped, behind the last event, or when the reader's task is cancelled.
public struct RelayEvents: AsyncSequence, Sendable {
  public typealias Element = RelayNews
  public typealias Failure = Never

  let queue: EventQueue

  public func makeAsyncIterator() -> Iterator { Iterator(queue: queue) }

  public struct Iterator: AsyncIteratorProtocol {
    let queue: EventQueue

    /// All events that are there, or the next ones.
    public func next() async -> RelayNews? {
      let news = await queue.take()
      return news.isEmpty ? nil : news
    }
  }
}

/// Bounded, from any thread, for one reader.
///
/// Mutable state: the events, who waits for them, and whether there will be more, under one mutex that is held for an
/// append or a swap. The reader is woken outside of it.
final class EventQueue: Sendable {
  private struct State {
    var news = RelayNews()
    var isOver = false
    /// Resumed when there is something to take. What there is never goes through it: the lock alone hands events over.
    var reader: CheckedContinuation<Void, Never>?
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = max(1, limit) }

  /// How many found no room: the last ones. `batch` is empty afterwards.
  func append(_ batch: inout RelayNews) -> Int {
    let (dropped, reader) = state.withLock { state -> (Int, CheckedContinuation<Void, Never>?) in
      guard !state.isOver else { return (batch.count, nil) }
      let room = max(0, limit - state.news.count)
      let dropped = max(0, batch.count - room)
      batch.drop(dropped)
      guard !batch.isEmpty else { return (dropped, nil) }
      if state.news.isEmpty { swap(&state.news, &batch) } else { state.news.append(contentsOf: batch) }
      return (dropped, state.reader.take())
    }
    batch.removeAll()
    reader?.resume()
    return dropped
  }

  /// False when it found no room.
  func append(_ event: RelayEvent) -> Bool {
    var batch = RelayNews()
    batch.append(event)
    return append(&batch) == 0
  }

  /// All events that are there, or the next ones; none when there will be no more. One caller at a time: another one is
  /// sent away.
  func take() async -> RelayNews {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waits = state.withLock { state in
          guard state.news.isEmpty, !state.isOver, state.reader == nil, !Task.isCancelled else { return false }
          state.reader = continuation
          return true
        }
        if !waits { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.reader.take() }?.resume()
    }
    return state.withLock { state in
      defer { state.news = RelayNews() }
      return state.news
    }
  }

  /// Nothing more comes.
  func finish() {
    let reader = state.withLock { state in
      state.isOver = true
      return state.reader.take()
    }
    reader?.resume()
  }
}
