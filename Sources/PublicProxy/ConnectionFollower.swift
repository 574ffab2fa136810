import Announcements
import HyperModel
import JSONRPC
import Logging
import Operations
import ServiceLifecycle
import Synchronization
import Wiring

import struct Foundation.Date

/// Keeps the book informed of who is connected, and asks those that come for what they announce: so a proxy that lost its store, or was away
/// while others announced, knows everything again at once.
///
/// Most of those that come while the proxy runs say by themselves what they announce: they have a moment for it before they are asked.
///
/// `seen` is protected by its mutex.
final class ConnectionFollower: Service, Sendable {
  /// DESIGN.md 4: each attempt ends after 2 s.
  static let callTimeout: Duration = .seconds(2)
  /// How often an operator, or the own node, is asked that does not answer in time, and how long after that.
  static let attempts = 4
  static let pause: Duration = .seconds(1)
  /// Operators asked at one time: a few, because all of them will announce.
  static let concurrency = 16
  /// How long those that come have to announce by themselves.
  static let settling: Duration = .milliseconds(500)

  private let link: NodeLink
  private let book: AnnouncementBook
  private let logger: Logger
  private let asked: Counter

  /// Somebody to be asked.
  private struct Newcomer {
    var peer: NodeView.Peer
    /// Not before this.
    var due = ContinuousClock.now
    /// When it was not there yet: who has announced since then is not asked. Nil for those that are asked in any case.
    var awayAt: Date?
    var attempt = 1
  }

  private struct Seen {
    var peers: Set<NodeView.Peer> = []
    /// When the last view came; nil before the first.
    var at: Date?
  }

  private let seen = Mutex(Seen())
  private let (newcomers, newcomer) = AsyncStream<Newcomer>.makeStream(bufferingPolicy: .bufferingNewest(4096))

  init(link: NodeLink, book: AnnouncementBook, logger: Logger, metrics: MetricsRegistry) {
    self.link = link
    self.book = book
    self.logger = logger
    asked = metrics.counter("hyper_resyncs_total", help: "Operators asked for what they announce.")
  }

  func run() async throws {
    let watch = NodeWatch(link: link, logger: logger) { [self] view in await changed(view) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await watch.run() }
      group.addTask { await cancelWhenGracefulShutdown { await self.askAll() } }
      try await group.waitForAll()
    }
  }

  private func changed(_ view: NodeView?) async {
    guard let view else {
      for name in await thoseWhoMayAnnounce() { newcomer.yield(Newcomer(peer: NodeView.Peer(name: name))) }
      return
    }
    // Whether those are there that can be dialled is not known: it is held against nobody.
    let uncertain = Dictionary(uniqueKeysWithValues: view.dialable.map { ($0, Set<String>()) })
    await book.connectionsChanged(view.peers.merging(uncertain) { connected, _ in connected })
    let dialable = view.dialable.map { NodeView.Peer(name: $0) }
    let (came, before) = seen.withLock { seen in
      let present = view.connections.union(dialable)
      defer { seen = Seen(peers: present, at: Date()) }
      return (present.subtracting(seen.peers), seen.at)
    }
    let due = ContinuousClock.now + (before == nil ? .zero : Self.settling)
    for peer in came.subtracting(dialable) { newcomer.yield(Newcomer(peer: peer, due: due, awayAt: before)) }
    // Asking one of these makes the node dial: only those who have something to say.
    guard !came.isDisjoint(with: dialable) else { return }
    let names = await thoseWhoMayAnnounce()
    for peer in came.intersection(dialable) where names.contains(peer.name) { newcomer.yield(Newcomer(peer: peer)) }
  }

  private func askAll() async {
    await withTaskGroup(of: Void.self) { group in
      var underWay = 0
      for await newcomer in newcomers {
        // They stand in the order in which they came. Cancelled: there will be no more of them.
        try? await Task.sleep(until: newcomer.due)
        if let awayAt = newcomer.awayAt, book.haveSpoken(newcomer.peer.name, since: awayAt) { continue }
        if underWay >= Self.concurrency {
          await group.next()
          underWay -= 1
        }
        group.addTask { await self.ask(newcomer) }
        underWay += 1
      }
      group.cancelAll()
    }
  }

  /// Most operators announce nothing, or are not ours: 403 and −32601 are what they say to this.
  private func ask(_ newcomer: Newcomer) async {
    asked.increment()
    let peer = newcomer.peer
    let start = Date()
    var params: [String: JSONValue] = [:]
    if let node = peer.node { params["_node"] = .string(node) }
    do {
      let outcome = try await link.call(peer.name, "resyncAnnouncements", params: params, timeout: Self.callTimeout)
      guard case .fault(let fault) = outcome else { return }
      logger.debug("resync not answered", metadata: ["operator": "\(peer.name)", "code": "\(fault.code)", "reason": "\(fault.message)"])
    } catch {
      logger.debug("resync not answered", metadata: ["operator": "\(peer.name)", "reason": "\(error.message)"])
      guard !Task.isCancelled, newcomer.attempt < Self.attempts else { return }
      // Behind those who have not been asked yet; not if it speaks by itself meanwhile.
      var again = newcomer
      again.attempt += 1
      again.due = .now + Self.pause
      again.awayAt = max(start, newcomer.awayAt ?? start)
      self.newcomer.yield(again)
    }
  }

  /// Those that hold names, and those that the directory lets announce here.
  private func thoseWhoMayAnnounce() async -> Set<OperatorName> {
    var names = Set(book.list(of: nil).map(\.owner))
    for json in await directory()?["entries"]?.array ?? [] {
      guard let entry = try? DirectoryEntry(json: json), entry.name != link.ownName else { continue }
      let settings = entry.settings(service: "proxy", for: link.ownName)
      if settings?["allowed_domains"] != nil || settings?["allowed_names"] != nil { names.insert(entry.name) }
    }
    return names
  }

  /// Nil when the own node does not tell.
  private func directory() async -> JSONValue? {
    for attempt in 1...Self.attempts {
      do {
        guard case .result(let result) = try await link.call(link.ownName, "_directory", params: [:], timeout: Self.callTimeout) else {
          return nil
        }
        return result
      } catch {
        logger.debug("directory of the own node not known", metadata: ["reason": "\(error.message)"])
        guard attempt < Self.attempts, (try? await Task.sleep(for: Self.pause)) != nil else { return nil }
      }
    }
    return nil
  }
}
