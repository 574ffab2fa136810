import Glibc
import NIOCore
import Synchronization

/// The user the tests run as.
let testUID = geteuid()

extension EventLoopFuture where Value == Void {
  /// Waits until the future is complete or the condition holds, looked at every 10 ms, for at most 4 minutes.
  func get(orAfter condition: @escaping @Sendable () -> Bool) async throws {
    let promise = eventLoop.makePromise(of: Void.self)
    cascade(to: promise)
    let watch = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(10), delay: .milliseconds(10)) { _ in
      if condition() { promise.succeed() }
    }
    let limit = eventLoop.scheduleTask(in: .minutes(4)) { promise.fail(ChannelError.connectTimeout(.minutes(4))) }
    defer {
      watch.cancel()
      limit.cancel()
    }
    try await promise.futureResult.get()
  }
}

/// Whether this machine has the IPv6 loopback address.
let hasIPv6: Bool = {
  let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  var address = sockaddr_in6()
  address.sin6_family = sa_family_t(AF_INET6)
  address.sin6_addr = in6addr_loopback
  return withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0 }
  }
}()

/// Something that happens once and is waited for. `state` is behind its mutex; whoever waits is resumed outside of it.
final class Signal: Sendable {
  private struct State {
    var isGiven = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  func give() {
    let waiting = state.withLock { state in
      state.isGiven = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isGiven = state.withLock { state in
        if !state.isGiven { state.waiting.append(continuation) }
        return state.isGiven
      }
      if isGiven { continuation.resume() }
    }
  }
}

/// Lets its visitors go on when so many of them are there at one time, again and again. `state` is behind its mutex.
final class Meeting: Sendable {
  private struct State {
    var present = 0
    var active = 0
    var most = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let size: Int
  private let state = Mutex(State())

  init(of size: Int) { self.size = size }

  var mostAtOnce: Int { state.withLock { $0.most } }

  func leave() { state.withLock { $0.active -= 1 } }

  func arrive() async {
    await withCheckedContinuation { continuation in
      let complete = state.withLock { state -> [CheckedContinuation<Void, Never>] in
        state.present += 1
        state.active += 1
        state.most = max(state.most, state.active)
        state.waiting.append(continuation)
        guard state.present == size else { return [] }
        defer {
          state.present = 0
          state.waiting = []
        }
        return state.waiting
      }
      for continuation in complete { continuation.resume() }
    }
  }
}
