import Synchronization

/// The requests of a stream whose answers have not been written yet. `state` is the only mutable state, behind its mutex; flags are raised after it
/// is released.
final class OpenRequests: Sendable {
  private struct State {
    var count = 0
    var waiting: [Flag] = []
  }

  private let state = Mutex(State())

  func began() { state.withLock { $0.count += 1 } }

  func answered() {
    let waiting = state.withLock { state -> [Flag] in
      state.count -= 1
      guard state.count <= 0 else { return [] }
      defer { state.waiting = [] }
      return state.waiting
    }
    for flag in waiting { flag.raise() }
  }

  /// Raised when there are none: at once, or with the next answer after which there are none.
  func none() -> Flag {
    let flag = Flag()
    let isNone = state.withLock { state in
      if state.count > 0 { state.waiting.append(flag) }
      return state.count <= 0
    }
    if isNone { flag.raise() }
    return flag
  }
}
