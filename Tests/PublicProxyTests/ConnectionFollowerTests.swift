import Announcements
import Datastore
import HyperModel
import JSONRPC
import Operations
import Synchronization
import Testing
import Wiring

@testable import PublicProxy

/// What the book learns of the node, and who is asked for announcements.
@Suite(.timeLimit(.minutes(1))) struct ConnectionFollowerTests {
  private func book(holding names: [String: OperatorName]) async throws -> AnnouncementBook {
    let store = MemoryAnnouncementStore()
    try await store.save(names.map { StoredAnnouncement(Announcement(domain: $0.key, owner: $0.value)) })
    return try await AnnouncementBook.open(store, logger: FakeNode.logger, metrics: MetricsRegistry())
  }

  private func follower(_ node: FakeNode, _ book: AnnouncementBook) -> ConnectionFollower {
    ConnectionFollower(link: node.link, book: book, logger: FakeNode.logger, metrics: MetricsRegistry())
  }

  @Test func whoConnectsIsAskedThroughItsNodeAndWhoIsNotThereIsAway() async throws {
    let book = try await book(holding: ["a.example.org": "op-1", "b.example.org": "op-2"])
    let isBack = Latch()
    let node = try FakeNode(ownName: "public") { call in
      guard call.method == "public._connections" else { return .fault(CallFault(code: 403, message: "no")) }
      let known = call.params["after"]
      if known == 1 { await isBack.wait() }
      if known == 2 { await Latch().wait() }  // cancelled at the end
      var peers: [JSONValue] = [["name": "op-1", "nodes": ["n1"]]]
      if known == 1 { peers.append(["name": "op-2", "nodes": []]) }
      return .result(["version": known == 1 ? 2 : 1, "node": "n0", "peers": .array(peers), "dialable": []])
    }
    try await node.running(follower(node, book)) {
      var calls = node.calls.makeAsyncIterator()
      func next(_ method: String) async -> FakeNode.Call? {
        while let call = await calls.next(isolation: #isolation) { if call.method == method { return call } }
        return nil
      }
      #expect(await next("op-1.resyncAnnouncements")?.params == ["_node": "n1"])
      #expect(book.statuses(of: nil).map(\.isConnected) == [true, false])
      isBack.open()
      #expect(await next("op-2.resyncAnnouncements")?.params == [:])
      #expect(book.statuses(of: nil).map(\.isConnected) == [true, true])
    }
  }

  @Test func aQuestionThatIsNotAnsweredInTimeIsAskedAgain() async throws {
    let book = try await book(holding: ["a.example.org": "op-1"])
    let isAsked = Mutex(false)
    let node = try FakeNode(ownName: "public") { call in
      if call.method == "public._connections" {
        if call.params["after"] == 1 { await Latch().wait() }  // cancelled at the end
        return .result(["version": 1, "node": "n0", "peers": [["name": "op-1", "nodes": []]], "dialable": []])
      }
      let isFirst = isAsked.withLock { isAsked in
        defer { isAsked = true }
        return !isAsked
      }
      if isFirst { await Latch().wait() }  // cancelled at the end
      return .result(nil)
    }
    try await node.running(follower(node, book)) {
      var count = 0
      for await call in node.calls where call.method == "op-1.resyncAnnouncements" {
        count += 1
        if count == 2 { break }
      }
      #expect(count == 2)
    }
  }

  @Test func whoComesAndAnnouncesByItselfIsNotAsked() async throws {
    let book = try await book(holding: ["a.example.org": "op-1", "b.example.org": "op-2"])
    let isFirstKnown = Latch()
    let (hasAnnounced, hasComeLater) = (Latch(), Latch())
    let node = try FakeNode(ownName: "public") { call in
      guard call.method == "public._connections" else { return .fault(CallFault(code: 403, message: "no")) }
      let known = call.params["after"]?.integer ?? 0
      let peers: [JSONValue]
      switch known {
      case 0: peers = []
      case 1:
        isFirstKnown.open()
        await hasAnnounced.wait()
        peers = [["name": "op-1", "nodes": []], ["name": "op-2", "nodes": []]]
      default:
        await (known == 2 ? hasComeLater : Latch()).wait()  // cancelled at the end
        peers = [["name": "op-1", "nodes": []], ["name": "op-2", "nodes": []], ["name": "op-3", "nodes": []]]
      }
      return .result(["version": .integer(known + 1), "node": "n0", "peers": .array(peers), "dialable": []])
    }
    try await node.running(follower(node, book)) {
      await isFirstKnown.wait()
      _ = try await book.announce([AnnouncementRequest(domain: "a.example.org")], by: "op-1", allowed: AllowedDomains([".example.org"]))
      hasAnnounced.open()
      var asked: [String] = []
      for await call in node.calls where call.method.hasSuffix("resyncAnnouncements") {
        asked.append(call.method)
        hasComeLater.open()
        if call.method.hasPrefix("op-3") { break }
      }
      // In the order in which they came: one that is missing here would have been asked before the last.
      #expect(asked == ["op-2.resyncAnnouncements", "op-3.resyncAnnouncements"])
    }
  }

  @Test func behindANodeOfTheReferenceHoldersAndThoseWhoMayAnnounceAreAskedAndNobodyIsAway() async throws {
    let book = try await book(holding: ["a.example.org": "op-1"])
    var entry = DirectoryEntry(name: "op-2")
    entry.settings = [.init(service: "proxy", settings: ["allowed_domains": [".example.org"]])]
    let entries: [JSONValue] = [entry.json, DirectoryEntry(name: "op-3").json, DirectoryEntry(name: "public").json]
    let node = try FakeNode(ownName: "public") { call in
      call.method == "public._directory" ? .result(["entries": .array(entries)]) : .fault(.methodNotFound)
    }
    try await node.running(follower(node, book)) {
      var asked: Set<String> = []
      for await call in node.calls where call.method.hasSuffix("resyncAnnouncements") {
        asked.insert(call.method)
        if asked.count == 2 { break }
      }
      #expect(asked == ["op-1.resyncAnnouncements", "op-2.resyncAnnouncements"])
      #expect(book.statuses(of: nil).map(\.isConnected) == [true])
    }
  }
}
