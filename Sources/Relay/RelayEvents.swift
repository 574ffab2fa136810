import Synchronization

/// What an engine reports, in the order in which its loops have told it; for one reader. Ends after the engine has stopped,
/// behind the last event, or when the reader's task is cancelled.
public struct RelayEvents: AsyncSequence, Sendable {
  public typealias Element = RelayEvent
  public typealias Failure = Never

  let queue: EventQueue

  public func makeAsyncIterator() -> Iterator { Iterator(queue: queue) }

  /// Takes all events that are there at once, so that a busy engine wakes its reader for many of them together.
  public struct Iterator: AsyncIteratorProtocol {
    private let queue: EventQueue
    private var batch: [RelayEvent] = []
    private var position = 0

    init(queue: EventQueue) { self.queue = queue }

    public mutating func next() async -> RelayEvent? {
      if position == batch.count {
        batch = await queue.take()
        position = 0
        if batch.isEmpty { return nil }
      }
      defer { position += 1 }
      return batch[position]
    }
  }
}

/// Bounded, from any thread, for one reader.
///
/// Mutable state: the events, who waits for them, and whether there will be more, under one mutex that is held for an
/// append or a swap. The reader is woken outside of it.
final class EventQueue: Sendable {
  private struct State {
    var events: [RelayEvent] = []
    var isOver = false
    var reader: CheckedContinuation<[RelayEvent], Never>?
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = max(1, limit) }

  /// How many found no room: the last ones. `batch` is empty afterwards.
  func append(_ batch: inout [RelayEvent]) -> Int {
    let (dropped, reader, given) = state.withLock { state -> (Int, CheckedContinuation<[RelayEvent], Never>?, [RelayEvent]) in
      guard !state.isOver else { return (batch.count, nil, []) }
      let room = max(0, limit - state.events.count)
      let dropped = max(0, batch.count - room)
      batch.removeLast(dropped)
      guard !batch.isEmpty else { return (dropped, nil, []) }
      if state.events.isEmpty { swap(&state.events, &batch) } else { state.events.append(contentsOf: batch) }
      guard let reader = state.reader else { return (dropped, nil, []) }
      state.reader = nil
      let given = state.events
      state.events = []
      return (dropped, reader, given)
    }
    batch.removeAll(keepingCapacity: true)
    reader?.resume(returning: given)
    return dropped
  }

  /// False when it found no room.
  func append(_ event: RelayEvent) -> Bool {
    var batch = [event]
    return append(&batch) == 0
  }

  /// All events that are there, or the next ones; none when there will be no more. One caller at a time: another one is
  /// sent away.
  func take() async -> [RelayEvent] {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = state.withLock { state -> [RelayEvent]? in
          if state.events.isEmpty, !state.isOver, state.reader == nil, !Task.isCancelled {
            state.reader = continuation
            return nil
          }
          defer { state.events = [] }
          return state.events
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let reader = state.withLock { state in
        defer { state.reader = nil }
        return state.reader
      }
      reader?.resume(returning: [])
    }
  }

  /// Nothing more comes.
  func finish() {
    let reader = state.withLock { state in
      state.isOver = true
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(returning: [])
  }
}
