import Operations
import Synchronization

/// The lines a program printed, and those who wait for one.
///
/// `state` is protected by its mutex; continuations are resumed outside it.
final class LineLog: Sendable {
  private struct Waiter {
    let id: Int
    let matches: @Sendable (String) -> Bool
    let continuation: CheckedContinuation<String?, Never>
  }

  private struct State {
    var lines: [String] = []
    var waiters: [Waiter] = []
    var nextID = 0
    var hasEnded = false
  }

  private let state = Mutex(State())
  private let clock = DeadlineClock()

  var lines: [String] { state.withLock { $0.lines } }

  func append(_ line: String) {
    let met = state.withLock { state in
      state.lines.append(line)
      let met = state.waiters.filter { $0.matches(line) }
      state.waiters.removeAll { waiter in met.contains { $0.id == waiter.id } }
      return met
    }
    for waiter in met { waiter.continuation.resume(returning: line) }
  }

  /// The program has ended: whoever still waits gets nil.
  func end() {
    let left = state.withLock { state in
      state.hasEnded = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in left { waiter.continuation.resume(returning: nil) }
  }

  /// The first line that matches, printed already or later; nil when the program ended or the time is over.
  ///
  /// - Parameter start: lines before this index do not count.
  func first(from start: Int, within limit: Duration, where matches: @escaping @Sendable (String) -> Bool) async -> String? {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let ticket = clock.watch(until: .now + limit) { self.giveUp(id: id) }
    defer { clock.forget(ticket) }
    return await wait(id: id, from: start, matches)
  }

  private func wait(id: Int, from start: Int, _ matches: @escaping @Sendable (String) -> Bool) async -> String? {
    await withCheckedContinuation { continuation in
      let answer: String?? = state.withLock { state in
        if let line = state.lines.dropFirst(start).first(where: matches) { return .some(line) }
        if state.hasEnded { return .some(nil) }
        state.waiters.append(Waiter(id: id, matches: matches, continuation: continuation))
        return nil
      }
      if let answer { continuation.resume(returning: answer) }
    }
  }

  private func giveUp(id: Int) {
    let left = state.withLock { state in
      let left = state.waiters.filter { $0.id == id }
      state.waiters.removeAll { $0.id == id }
      return left
    }
    for waiter in left { waiter.continuation.resume(returning: nil) }
  }
}
