import Synchronization

/// The connections to peers that there are now: written by whoever has them, read by whoever wants to know who is there.
///
/// `state` is protected by its mutex; continuations are resumed outside it.
public final class PeerConnections: Sendable {
  /// A connection: to whom, and to which of the peer's nodes when that says so.
  public struct Peer: Hashable, Sendable {
    public var name: String
    public var node: String?

    public init(name: String, node: String? = nil) {
      self.name = name
      self.node = node
    }
  }

  /// All of them at one moment.
  public struct View: Hashable, Sendable {
    /// Grows with every change.
    public var version: UInt64
    public var peers: Set<Peer>
  }

  /// Names a connection while it is there.
  public struct Ticket: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  private struct Waiter {
    /// Nil until it waits.
    var continuation: CheckedContinuation<Void, Never>?
  }

  private struct State {
    var view = View(version: 1, peers: [])
    var connections: [UInt64: Peer] = [:]
    /// How many of them lead to each.
    var counts: [Peer: Int] = [:]
    var last: UInt64 = 0
    /// Who waits, or is about to: without an entry there is nothing to wait for any more.
    var waiters: [UInt64: Waiter] = [:]
    var isEnding = false

    /// One more connection leads to the peer.
    mutating func add(_ peer: Peer) {
      counts[peer, default: 0] += 1
      guard counts[peer] == 1 else { return }
      view.peers.insert(peer)
      view.version += 1
    }

    /// One connection less leads to the peer.
    mutating func remove(_ peer: Peer) {
      let left = counts[peer, default: 0] - 1
      counts[peer] = left > 0 ? left : nil
      guard left <= 0 else { return }
      view.peers.remove(peer)
      view.version += 1
    }
  }

  private let state = Mutex(State())

  public init() {}

  public var view: View { state.withLock { $0.view } }

  /// A connection came into being.
  public func opened(_ peer: Peer) -> Ticket {
    change { state in
      state.last += 1
      state.connections[state.last] = peer
      state.add(peer)
      return Ticket(number: state.last)
    }
  }

  /// More is known about whom it leads to. Ignored for a connection that is gone.
  public func learned(_ peer: Peer, of ticket: Ticket) {
    change { state in
      guard let known = state.connections[ticket.number], known != peer else { return }
      state.connections[ticket.number] = peer
      state.remove(known)
      state.add(peer)
    }
  }

  /// A connection is gone.
  public func closed(_ ticket: Ticket) {
    change { state in
      if let peer = state.connections.removeValue(forKey: ticket.number) { state.remove(peer) }
    }
  }

  private func change<Value>(_ step: (inout State) -> Value) -> Value {
    let (value, waiters) = state.withLock { state in
      let version = state.view.version
      let value = step(&state)
      guard state.view.version != version else { return (value, [Waiter]()) }
      defer { state.waiters = [:] }
      return (value, Array(state.waiters.values))
    }
    for waiter in waiters { waiter.continuation?.resume() }
    return value
  }

  /// The view, once it is another one than that of this version; the same again when nothing changes in time.
  public func view(after version: UInt64, within limit: Duration) async -> View {
    let id = state.withLock { state in
      state.last += 1
      state.waiters[state.last] = Waiter()
      return state.last
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        try? await Task.sleep(for: limit)  // cancelled: there was a change, or nobody waits any more
        self.giveUp(id)
      }
      await wait(id, version)
      group.cancelAll()
    }
    return view
  }

  /// Nobody waits from now on: the program stops, and whoever has asked is to be answered before.
  public func endWaiting() {
    let waiters = state.withLock { state in
      state.isEnding = true
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.continuation?.resume() }
  }

  private func wait(_ id: UInt64, _ version: UInt64) async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        guard state.view.version == version, !state.isEnding, !Task.isCancelled, state.waiters[id] != nil else { return true }
        state.waiters[id] = Waiter(continuation: continuation)
        return false
      }
      if isOver { continuation.resume() }
    }
  }

  private func giveUp(_ id: UInt64) {
    state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation?.resume()
  }
}
