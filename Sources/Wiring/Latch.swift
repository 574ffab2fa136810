import Synchronization

/// A door that opens once; whoever waits in front of it goes on then, or when cancelled.
///
/// `state` is protected by its mutex; continuations are resumed outside it.
public final class Latch: Sendable {
  private struct State {
    var isOpen = false
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    var nextID = 0
  }

  private let state = Mutex(State())

  public init() {}

  /// A door without a lock: where there is nothing to wait for.
  public static var opened: Latch {
    let latch = Latch()
    latch.open()
    return latch
  }

  public var isOpen: Bool { state.withLock { $0.isOpen } }

  /// Opens it for good. Opening again does nothing.
  public func open() {
    let waiters = state.withLock { state in
      state.isOpen = true
      defer { state.waiters = [:] }
      return state.waiters
    }
    for waiter in waiters.values { waiter.resume() }
  }

  /// Returns when the door is open or the task is cancelled.
  public func wait() async {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          // A task that was cancelled before it came here will not be told again.
          if state.isOpen || Task.isCancelled { return true }
          state.waiters[id] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }
}
