import GRPCCore
import HyperModel
import Synchronization

/// The `ServerCall` streams that are open, one per operator. `state` is the only mutable state, behind its mutex.
final class StreamRegistry: Sendable {
  private struct State {
    var streams: [OperatorName: ServerCallStream] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())

  /// The way to the operator, if there is one.
  subscript(name: OperatorName) -> ServerCallStream? { state.withLock { $0.streams[name] } }

  var count: Int { state.withLock { $0.streams.count } }

  /// Makes a stream the way to its operator; an older one is retired. False when the server is stopping.
  func register(_ stream: ServerCallStream) -> Bool {
    let (accepted, replaced) = state.withLock { state -> (Bool, ServerCallStream?) in
      guard !state.isClosed else { return (false, nil) }
      return (true, state.streams.updateValue(stream, forKey: stream.peer))
    }
    replaced?.retire()
    return accepted
  }

  /// The stream ended. A newer one of the same operator stays.
  func remove(_ stream: ServerCallStream) {
    state.withLock { state in
      if state.streams[stream.peer] === stream { state.streams[stream.peer] = nil }
    }
  }

  /// Takes no more streams and ends those there are.
  func close(_ reason: RPCError) {
    let streams = state.withLock { state in
      state.isClosed = true
      return Array(state.streams.values)
    }
    for stream in streams { stream.end(reason) }
  }
}
