import Announcements
import Datastore
import Foundation
import HyperModel
import JSONRPC
import Operations
import Synchronization
import Testing
import Wiring

@testable import PrivateProxy

/// What public proxies hear, and when.
@Suite(.timeLimit(.minutes(1))) struct AnnouncerTests {
  private let name = "a.example.org"

  private func book() throws -> OutgoingBook {
    var table = OutgoingAnnouncements(ownName: "private")
    _ = table.replaceStatic([OutgoingAnnouncement(domain: name, proxy: "public", sharedWith: ["other"])], now: .now)
    return OutgoingBook(instance: try #require(InstanceID("one")), table: table, store: MemoryAnnouncementStore())
  }

  private func announcer(
    _ node: FakeNode, _ announced: OutgoingBook? = nil, isOffline: @escaping @Sendable (String) -> Bool = { _ in false }
  ) throws -> Announcer {
    var patience = Announcer.Patience()
    (patience.attempt, patience.longestAttempt, patience.caller, patience.stop) = (.seconds(50), .seconds(50), .seconds(50), .seconds(50))
    return Announcer(
      book: try announced ?? book(), node: node.link, isOffline: isOffline, patience: patience, logger: FakeNode.logger,
      metrics: MetricsRegistry())
  }

  /// An answer that is late is waited for longer the next time, so that one that is always late is heard at last.
  @Test func aCallThatIsNotAnsweredInTimeIsGivenMoreTheNextTime() async throws {
    let node = try FakeNode(ownName: "private") { call in
      guard call.method == "public.announceConnections" else { return .fault(.methodNotFound) }
      try? await Task.sleep(for: .milliseconds(300))  // the answer comes after the time of the first attempts
      return .result([nil])
    }
    var patience = Announcer.Patience()
    (patience.attempt, patience.longestAttempt) = (.milliseconds(20), .seconds(50))
    let announcer = Announcer(
      book: try book(), node: node.link, isOffline: { _ in false }, patience: patience, logger: FakeNode.logger, metrics: MetricsRegistry())
    try await node.running(announcer) { await announcer.settled.wait() }
  }

  private struct Calls {
    var iterator: AsyncStream<FakeNode.Call>.Iterator
    /// Where the last call stood among the others.
    var order: CallOrder?

    /// What the next such call says, its order apart.
    mutating func next(_ method: String, where matches: ([String: JSONValue]) -> Bool = { _ in true }) async -> [String: JSONValue] {
      while let call = await iterator.next(isolation: #isolation) {
        guard call.method == method, matches(call.params) else { continue }
        let order = AnnouncementCall.order(call.params)
        #expect(order.map { $0.run == self.order?.run ?? $0.run && $0.number > self.order?.number ?? 0 } == true)
        self.order = order
        return call.params.filter { !["run", "number"].contains($0.key) }
      }
      return [:]
    }
  }

  private static let item: JSONValue = ["domain": "a.example.org", "expires_at": nil, "shared_with": ["other"]]

  @Test func everythingIsSaidInOneCallWithWhoSpeaksAndThroughWhichNode() async throws {
    let node = try FakeNode(ownName: "private") { call in
      switch call.method {
      case "private._connections":
        if call.params["after"] == 1 { await Latch().wait() }  // cancelled at the end
        return .result(["version": 1, "node": "n0", "peers": [["name": "public", "nodes": ["p0"]]], "dialable": []])
      default: return .result([nil])
      }
    }
    let announcer = try announcer(node)
    try await node.running(announcer) {
      var calls = Calls(iterator: node.calls.makeAsyncIterator())
      // The first one may have gone out before the node has said anything.
      let params = await calls.next("public.announceConnections") { $0["node"] != nil }
      #expect(params == ["connections": [Self.item], "instance": "one", "node": "n0", "every": 30, "all": true])
      await announcer.settled.wait()
      #expect(announcer.standing(of: name, at: "public") == .accepted)
    }
  }

  @Test func whoAsksHearsEverythingAgainAndAStopIsSaid() async throws {
    let isDown = Mutex(false)
    let node = try FakeNode(ownName: "private") { call in
      call.method == "public.announceConnections"
        ? .result(.array(call.params["connections"]?.array?.map { _ in .null } ?? [])) : .fault(.methodNotFound)
    }
    let announcer = try announcer(node) { _ in isDown.withLock { $0 } }
    var calls = Calls(iterator: node.calls.makeAsyncIterator())
    try await node.running(announcer) {
      let first = await calls.next("public.announceConnections")
      #expect(first == ["connections": [Self.item], "instance": "one", "every": 600, "all": true])
      await announcer.settled.wait()
      announcer.announceSoon(to: "public")
      #expect(await calls.next("public.announceConnections") == first)
      isDown.withLock { $0 = true }
      announcer.announceSoon()
      #expect(await calls.next("public.announceConnections")["connections"]?.array?.first?["offline"] == true)
    }
    let last = await calls.next("public.announceConnections")
    #expect(last["stopping"] == true && last["connections"] == [] && last["instance"] == "one")
  }

  @Test func aPublicProxyToWhichNothingIsAnnouncedIsToldWhenItAsks() async throws {
    let node = try FakeNode(ownName: "private") { call in
      call.method.hasSuffix(".announceConnections")
        ? .result(.array(call.params["connections"]?.array?.map { _ in .null } ?? [])) : .fault(.methodNotFound)
    }
    let announcer = try announcer(node)
    try await node.running(announcer) {
      await announcer.settled.wait()
      var calls = Calls(iterator: node.calls.makeAsyncIterator())
      for _ in 0..<2 {
        announcer.announceSoon(to: "formerly")
        #expect(await calls.next("formerly.announceConnections")["connections"] == [])
      }
    }
  }

  @Test func aWithdrawalThatCouldNotBeToldIsToldWithAllThatIsLeft() async throws {
    let node = try FakeNode(ownName: "private") { call in
      switch call.method {
      case "later.withdrawConnections": .fault(CallFault(code: 500, message: "away"))
      case "public.announceConnections", "later.announceConnections":
        .result(.array(call.params["connections"]?.array?.map { _ in .null } ?? []))
      default: .fault(.methodNotFound)
      }
    }
    let (book, allowed) = (try book(), try AllowedDomains([".example.org"]))
    let announcer = try announcer(node, book)
    try await node.running(announcer) {
      let announcement = OutgoingAnnouncement(domain: "b.example.org", proxy: "later")
      try await announcer.announceNow(try #require(try await book.announce(announcement, allowed: allowed)), at: "later")
      let gone = try #require(try await book.withdraw("b.example.org", at: "later", allowed: allowed))
      await #expect(throws: CallFault.self) { try await announcer.withdrawNow(gone, at: "later") }
      var calls = Calls(iterator: node.calls.makeAsyncIterator())
      _ = await calls.next("later.withdrawConnections")
      #expect(await calls.next("later.announceConnections")["connections"] == [])
    }
  }

  @Test func aCallThatWasOvertakenByAnEarlierStartIsMadeInANewRun() async throws {
    let runs = Mutex<[String]>([])
    let node = try FakeNode(ownName: "private") { call in
      guard call.method == "public.announceConnections", let run = call.params["run"]?.string else { return .fault(.methodNotFound) }
      let isFirst = runs.withLock { runs in
        runs.append(run)
        return runs[0] == run
      }
      return isFirst ? .fault(CallFault(code: 409, message: "later", data: CallOrder.overtaken)) : .result([nil])
    }
    let announcer = try announcer(node)
    try await node.running(announcer) {
      await announcer.settled.wait()
      #expect(runs.withLock { Set($0).count } == 2)
    }
  }

  @Test func refusalsAreKeptInWordsForThoseWhoAsk() async throws {
    let node = try FakeNode(ownName: "private") { call in
      call.method == "public.announceConnections"
        ? .result([["code": 409, "message": "held by another operator"]]) : .fault(.methodNotFound)
    }
    let announcer = try announcer(node)
    try await node.running(announcer) {
      var calls = Calls(iterator: node.calls.makeAsyncIterator())
      _ = await calls.next("public.announceConnections")
      while case .pending = announcer.standing(of: name, at: "public") { await Task.yield() }
      #expect(announcer.standing(of: name, at: "public") == .refused(CallFault(code: 409, message: "held by another operator")))
      #expect(!announcer.settled.isOpen)
    }
  }

  @Test(arguments: [403, -32601]) func aPublicProxyWithoutTheMethodIsToldByAnExpiryThatHasPassed(_ code: Int) async throws {
    let node = try FakeNode(ownName: "private") { call in
      call.method == "public.announceConnections" ? .result([nil]) : .fault(CallFault(code: code, message: "no"))
    }
    let announcer = try announcer(node)
    try await node.running(announcer) {
      try await announcer.withdrawNow(AnnouncementRequest(domain: "b.example.org"), at: "public")
      var calls = Calls(iterator: node.calls.makeAsyncIterator())
      #expect(await calls.next("public.withdrawConnections")["connections"] == [["domain": "b.example.org"]])
      let item = await calls.next("public.announceConnections") { $0["all"] == nil }["connections"]?.array?.first
      #expect(item?["domain"] == "b.example.org" && item?["expires_at"] == "1970-01-01T00:00:00Z")
    }
  }
}
