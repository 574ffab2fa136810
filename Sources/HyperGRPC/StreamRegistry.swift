import GRPCCore
import HyperModel
import Operations
import Synchronization

/// The `ServerCall` streams that are open, one per node; several nodes of an operator are told apart by their names.
///
/// `state` is the only mutable state, behind its mutex.
final class StreamRegistry: Sendable {
  private struct Entry {
    let stream: ServerCallStream
    let ticket: PeerConnections.Ticket
  }

  private struct State {
    /// The newest last.
    var streams: [OperatorName: [Entry]] = [:]
    var isClosed = false
  }

  /// Nodes of one operator; more than anybody runs. One more takes the oldest's place.
  private static let nodesPerOperator = 64

  private let state = Mutex(State())
  private let connections: PeerConnections

  init(connections: PeerConnections = PeerConnections()) {
    self.connections = connections
  }

  /// The way to the operator, if there is one: through the node with this name, otherwise through the one that came last.
  subscript(name: OperatorName, node: String? = nil) -> ServerCallStream? {
    state.withLock { state in
      let entries = state.streams[name]
      guard let node, entries?.count ?? 0 > 1 else { return entries?.last?.stream }
      return (entries?.last { $0.stream.node == node } ?? entries?.last)?.stream
    }
  }

  var count: Int { state.withLock { $0.streams.count } }

  /// Makes a stream the way to its operator; an older one to the same node is retired. False when the server is stopping.
  func register(_ stream: ServerCallStream) -> Bool {
    let ticket = connections.opened(.init(name: stream.peer.text, node: stream.node))
    let (accepted, replaced) = state.withLock { state -> (Bool, [Entry]) in
      guard !state.isClosed else { return (false, []) }
      var entries = state.streams[stream.peer] ?? []
      var replaced = entries.filter { $0.stream.node == stream.node }
      entries.removeAll { $0.stream.node == stream.node }
      if entries.count >= Self.nodesPerOperator { replaced.append(entries.removeFirst()) }
      state.streams[stream.peer] = entries + [Entry(stream: stream, ticket: ticket)]
      return (true, replaced)
    }
    if !accepted { connections.closed(ticket) }
    for entry in replaced {
      connections.closed(entry.ticket)
      entry.stream.retire()
    }
    return accepted
  }

  /// The stream ended. Newer ones of the same operator stay.
  func remove(_ stream: ServerCallStream) {
    let removed = state.withLock { state -> Entry? in
      guard let index = state.streams[stream.peer]?.firstIndex(where: { $0.stream === stream }) else { return nil }
      let entry = state.streams[stream.peer]?.remove(at: index)
      if state.streams[stream.peer]?.isEmpty == true { state.streams[stream.peer] = nil }
      return entry
    }
    if let removed { connections.closed(removed.ticket) }
  }

  /// Takes no more streams and ends those there are.
  func close(_ reason: RPCError) {
    let streams = state.withLock { state in
      state.isClosed = true
      return state.streams.values.flatMap { $0.map(\.stream) }
    }
    for stream in streams { stream.end(reason) }
  }
}
