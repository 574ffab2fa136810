import NIOCore
import Synchronization

/// The open connections of one server.
///
/// `state` is the only mutable state, behind its mutex; channels are told things outside of it.
final class ConnectionRegistry: Sendable {
  private struct State {
    var isDraining = false
    var open: [ObjectIdentifier: any NIOCore.Channel] = [:]
  }

  enum Admission {
    case admitted
    case full
    case draining
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) {
    self.limit = limit
  }

  var count: Int { state.withLock { $0.open.count } }
  var isDraining: Bool { state.withLock { $0.isDraining } }

  /// Takes a connection in until it is closed, or says why not.
  func admit(_ channel: any NIOCore.Channel) -> Admission {
    let key = ObjectIdentifier(channel)
    let admission = state.withLock { state -> Admission in
      if state.isDraining { return .draining }
      if state.open.count >= limit { return .full }
      state.open[key] = channel
      return .admitted
    }
    guard admission == .admitted else { return admission }
    channel.closeFuture.whenComplete { _ in
      _ = self.state.withLock { $0.open.removeValue(forKey: key) }
    }
    return .admitted
  }

  /// Lets no one in any more and asks every connection to end when it has answered.
  func drain() {
    let open = state.withLock { state in
      state.isDraining = true
      return Array(state.open.values)
    }
    for channel in open { channel.pipeline.fireUserInboundEventTriggered(DrainConnection()) }
  }

  /// Cuts what is still open.
  /// - Returns: how many that were.
  func abortAll() -> Int {
    let open = state.withLock { state in
      state.isDraining = true
      return Array(state.open.values)
    }
    for channel in open { channel.triggerUserOutboundEvent(AbortConnection(), promise: nil) }
    return open.count
  }
}
