import HyperModel
import NIOCore
import Synchronization
import Trust

/// One accepted TCP connection and who its peer proved to be in the handshake.
///
/// `state` is the only mutable state, behind its mutex; it changes at most once, from nothing to a peer or a refusal.
final class VerifiedConnection: Sendable {
  let id: UInt64
  /// The peer's address, for messages.
  let remote: String
  let channel: any NIOCore.Channel
  private let state = Mutex(State())

  private struct State {
    var peer: VerifiedPeer?
    var refusal: PeerRefusal?
  }

  init(id: UInt64, channel: any NIOCore.Channel) {
    self.id = id
    self.channel = channel
    remote = channel.remoteAddress?.description ?? "an unknown address"
  }

  /// Nil until the handshake has accepted the peer; calls only arrive after that.
  var peer: VerifiedPeer? { state.withLock { $0.peer } }
  var refusal: PeerRefusal? { state.withLock { $0.refusal } }

  func accepted(_ peer: VerifiedPeer) { state.withLock { $0.peer = peer } }
  func refused(_ refusal: PeerRefusal) { state.withLock { $0.refusal = refusal } }
}

/// The connections a server has open, by number. `connections` and `lastID` are behind one mutex.
final class ConnectionTable: Sendable {
  private struct State {
    var lastID: UInt64 = 0
    var connections: [UInt64: VerifiedConnection] = [:]
  }

  private let state = Mutex(State())
  private let limit: Int

  init(limit: Int) {
    self.limit = limit
  }

  /// Nil when there are as many connections as there may be.
  func add(_ channel: any NIOCore.Channel) -> VerifiedConnection? {
    state.withLock { state in
      guard state.connections.count < limit else { return nil }
      state.lastID += 1
      let connection = VerifiedConnection(id: state.lastID, channel: channel)
      state.connections[connection.id] = connection
      return connection
    }
  }

  func remove(_ connection: VerifiedConnection) {
    state.withLock { _ = $0.connections.removeValue(forKey: connection.id) }
  }

  subscript(id: UInt64) -> VerifiedConnection? { state.withLock { $0.connections[id] } }

  var count: Int { state.withLock { $0.connections.count } }

  /// Closes every connection without waiting for the peers.
  func closeAll() {
    let open = state.withLock { Array($0.connections.values) }
    for connection in open { connection.channel.close(promise: nil) }
  }
}
