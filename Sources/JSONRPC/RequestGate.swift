import Synchronization

/// Bounds how many requests of one server are worked on at one time. Nobody waits here: who finds no place is told so.
///
/// `free` is the only mutable state, behind its mutex.
final class RequestGate: Sendable {
  let limit: Int
  private let free: Mutex<Int>

  init(limit: Int) {
    self.limit = limit
    free = Mutex(limit)
  }

  /// Takes up to `wanted` places, as many as are free, to be given back by `leave`.
  func enter(wanted: Int = 1) -> Int {
    free.withLock { free in
      let taken = min(free, wanted)
      free -= taken
      return taken
    }
  }

  func leave(_ places: Int) {
    free.withLock { $0 += places }
  }
}
