import Synchronization

/// The requests of a stream whose answers have not been written yet. `state` is the only mutable state, behind its mutex; flags are raised after it
/// is released.
final class OpenRequests: Sendable {
  private struct State {
    var count = 0
    /// Nothing is written any more.
    var isOver = false
    /// Raised when fewer are left.
    var waiting: [(limit: Int, flag: Flag)] = []
  }

  private let state = Mutex(State())

  func began() { state.withLock { $0.count += 1 } }

  func answered() {
    let due = state.withLock { state -> [Flag] in
      state.count -= 1
      guard !state.waiting.isEmpty else { return [] }
      let due = state.waiting.filter { state.count < $0.limit }.map(\.flag)
      state.waiting.removeAll { state.count < $0.limit }
      return due
    }
    for flag in due { flag.raise() }
  }

  /// The stream takes no more answers: nobody waits for their being written.
  func end() {
    let waiting = state.withLock { state in
      state.isOver = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for (_, flag) in waiting { flag.raise() }
  }

  /// Raised when there are none: at once, or with the next answer after which there are none.
  func none() -> Flag { fewer(than: 1) }

  /// Waits until there are fewer than this, or the task is cancelled.
  func few(_ limit: Int) async {
    guard state.withLock({ $0.count >= limit && !$0.isOver }) else { return }
    await fewer(than: limit).wait()
  }

  private func fewer(than limit: Int) -> Flag {
    let flag = Flag()
    let isDue = state.withLock { state in
      let isDue = state.count < limit || state.isOver
      if !isDue { state.waiting.append((limit, flag)) }
      return isDue
    }
    if isDue { flag.raise() }
    return flag
  }
}
