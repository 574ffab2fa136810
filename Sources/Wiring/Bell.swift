import Synchronization

/// Wakes one who waits, who may come later than the ringing. Ringing twice wakes once.
///
/// `state` is protected by its mutex; the continuation is resumed outside it. One waiter at a time.
public final class Bell: Sendable {
  private struct State {
    var isRung = false
    /// The time of the wait is over. That may be before the waiter has come to wait for it.
    var isOver = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  public init() {}

  /// Whether it was rung and nobody has been woken by it yet.
  public var isRung: Bool { state.withLock { $0.isRung } }

  public func ring() {
    let waiter = state.withLock { state in
      state.isRung = state.waiter == nil
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Returns when it is rung, was rung since the last wait, when the time is over, or when the task is cancelled.
  public func wait(atMost limit: Duration) async {
    state.withLock { $0.isOver = false }
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        try? await Task.sleep(for: limit)  // cancelled: somebody rang, or nobody waits any more
        self.release()
      }
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.isRung || state.isOver || Task.isCancelled {
            state.isRung = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
      group.cancelAll()
    }
  }

  private func release() {
    let waiter = state.withLock { state in
      state.isOver = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }
}
