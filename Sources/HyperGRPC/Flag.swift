import NIOCore
import Synchronization

/// Something that happens at most once, and that others wait for or ask about.
///
/// `state` is the only mutable state, behind its mutex; actions run and continuations are resumed after it is released.
final class Flag: Sendable {
  private struct State {
    var isRaised = false
    var lastID: UInt64 = 0
    var actions: [UInt64: @Sendable () -> Void] = [:]
  }

  private let state = Mutex(State())

  var isRaised: Bool { state.withLock { $0.isRaised } }

  func raise() {
    let actions = state.withLock { state in
      state.isRaised = true
      defer { state.actions = [:] }
      return Array(state.actions.values)
    }
    for action in actions { action() }
  }

  /// Runs the action once the flag is raised, at once if it is. Returns a number to withdraw it by.
  @discardableResult
  func whenRaised(_ action: @escaping @Sendable () -> Void) -> UInt64 {
    let (isRaised, id) = state.withLock { state in
      state.lastID += 1
      if !state.isRaised { state.actions[state.lastID] = action }
      return (state.isRaised, state.lastID)
    }
    if isRaised { action() }
    return id
  }

  func withdraw(_ id: UInt64) {
    state.withLock { _ = $0.actions.removeValue(forKey: id) }
  }

  /// Waits until the flag is raised or the task is cancelled.
  func wait() async {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingOldest(1))
    let id = whenRaised { continuation.finish() }
    for await _ in stream {}
    withdraw(id)
  }

  /// Waits at most so long. True when the flag was raised.
  func wait(atMost limit: Duration, on eventLoop: any EventLoop) async -> Bool {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingOldest(1))
    let id = whenRaised { continuation.finish() }
    let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) { continuation.finish() }
    for await _ in stream {}
    timer.cancel()
    withdraw(id)
    return isRaised
  }
}

extension Flag {
  /// Waits until one of the flags is raised or the task is cancelled.
  static func waitForAny(_ flags: [Flag]) async {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingOldest(1))
    let ids = flags.map { $0.whenRaised { continuation.finish() } }
    for await _ in stream {}
    for (flag, id) in zip(flags, ids) { flag.withdraw(id) }
  }
}
