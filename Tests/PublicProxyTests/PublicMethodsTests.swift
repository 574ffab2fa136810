import Announcements
import Datastore
import Foundation
import HyperModel
import JSONRPC
import Logging
import Operations
import Testing

@testable import PublicProxy

/// A public proxy's methods over a real store in a temporary folder.
@Suite struct PublicMethodsTests {
  private let folder: String
  private let book: AnnouncementBook
  private let methods: PublicMethods

  init() async throws {
    folder = FileManager.default.temporaryDirectory.path + "/hyper-public-\(UUID().uuidString)"
    book = try await Self.open(folder)
    methods = PublicMethods(ownName: "public-proxy-1", book: book, listAllGroups: ["sd-admin"], logger: Logger(label: "test"))
  }

  private static func open(_ folder: String, routes: StaticRoutes = .none) async throws -> AnnouncementBook {
    let store = try SQLiteAnnouncementStore(path: "\(folder)/store.sqlite")
    return try await AnnouncementBook.open(store, routes: routes, logger: Logger(label: "test"), metrics: MetricsRegistry())
  }

  private func holder(of name: String, in book: AnnouncementBook? = nil) -> OperatorName? {
    guard case .announced(let announcement) = (book ?? self.book).lookup(name, alpn: []) else { return nil }
    return announcement.owner
  }

  private func remove() { try? FileManager.default.removeItem(atPath: folder) }

  private func client(_ name: OperatorName, groups: [String] = [], domains: [String]? = [".example.org"]) -> JSONValue {
    var entry = DirectoryEntry(name: name)
    entry.groups = groups
    if let domains { entry.settings = [.init(service: "proxy", settings: ["allowed_domains": .array(domains.map { .string($0) })])] }
    return ClientParameter(entry: entry).json
  }

  private func announce(_ items: JSONValue, as client: JSONValue) async -> CallResponse.Outcome {
    await methods.handle(
      RPCRequest(id: "1", method: "announceConnections", params: ["connections": items, "_client": client], caller: .anonymous))
  }

  private func list(as client: JSONValue) async -> JSONValue? {
    let outcome = await methods.handle(RPCRequest(id: "1", method: "getAnnouncements", params: ["_client": client], caller: .anonymous))
    guard case .result(let result) = outcome else { return nil }
    return result
  }

  @Test func namesThatNobodyHasAreDeniedWithoutALookUp() async throws {
    defer { remove() }
    #expect(!book.mayHave("a.example.org"))
    #expect(await announce([["domain": "a.example.org"], ["domain": "*.w.example.org"]], as: client("op-1")) == .result([nil, nil]))
    #expect(book.mayHave("a.example.org") && book.mayHave("any.w.example.org"))
    #expect(!book.mayHave("b.example.org") && !book.mayHave("w.example.org"))
    #expect(
      await announce([["domain": "a.example.org", "expires_at": "2020-01-01T00:00:00Z"]], as: client("op-1")) == .result([nil]))
    #expect(!book.mayHave("a.example.org") && book.mayHave("any.w.example.org"))
    // After a restart it is what the store holds.
    let again = try await Self.open(folder)
    #expect(again.mayHave("any.w.example.org") && !again.mayHave("a.example.org"))
    let routes = try StaticRoutes([StaticRoute(domain: "r.example", address: "localhost:1")], fallback: "localhost:2")
    let routed = try await Self.open(folder, routes: routes)
    #expect(routed.mayHave("whatever.example"), "the fallback takes it")
  }

  @Test func anAllowedNameIsHeldFromThenOn() async throws {
    defer { remove() }
    #expect(await announce([["domain": "A.example.org"]], as: client("op-1")) == .result([nil]))
    #expect(holder(of: "a.example.org") == "op-1")
    #expect(holder(of: "b.example.org") == nil)
  }

  @Test func eachItemHasItsOwnAnswer() async throws {
    defer { remove() }
    _ = await announce([["domain": "taken.example.org"]], as: client("op-2"))
    let outcome = await announce(
      [["domain": "good.example.org"], ["domain": "good.other.org"], ["domain": "taken.example.org"]], as: client("op-1"))
    guard case .result(let result) = outcome, let answers = result?.array else {
      Issue.record("no list: \(outcome)")
      return
    }
    #expect(answers.map { $0["code"]?.integer } == [nil, 403, 409])
    #expect(answers[0].isNull)
    #expect(answers[2]["message"]?.string?.contains("taken.example.org") == true)
    #expect(holder(of: "taken.example.org") == "op-2")
  }

  @Test func withoutSettingsInTheDirectoryNothingIsAllowed() async throws {
    defer { remove() }
    guard case .fault(let fault) = await announce([["domain": "a.example.org"]], as: client("op-1", domains: nil)) else {
      Issue.record("was accepted")
      return
    }
    #expect(fault.code == 403)
  }

  @Test(arguments: [
    JSONValue.null, "text", [5], [["domain": ""]], [["domain": "a.example.org", "expires_at": "soon"]],
  ])
  func oneMalformedItemFailsTheWholeCall(items: JSONValue) async throws {
    defer { remove() }
    guard case .fault(let fault) = await announce(items, as: client("op-1")) else {
      Issue.record("was accepted")
      return
    }
    #expect(fault.code == -32602)
    #expect(book.list(of: nil).isEmpty)
  }

  @Test func everybodySeesTheirOwnAnnouncementsAndPrivilegedGroupsSeeAll() async throws {
    defer { remove() }
    _ = await announce([["domain": "a.example.org"]], as: client("op-1"))
    _ = await announce([["domain": "b.example.org"]], as: client("op-2"))
    #expect(await list(as: client("op-1"))?.array?.count == 1)
    #expect(await list(as: client("op-1"))?.array?.first?["operator"] == "op-1")
    #expect(await list(as: client("op-3"))?.array?.isEmpty == true)
    #expect(await list(as: client("admin", groups: ["sd-admin"]))?.array?.count == 2)
  }

  private func call(_ method: String, _ params: [String: JSONValue], as client: JSONValue) async -> CallResponse.Outcome {
    await methods.handle(RPCRequest(id: "1", method: method, params: params.merging(["_client": client]) { $1 }, caller: .anonymous))
  }

  @Test func aWithdrawnNameIsFreeAtOnceAndForGood() async throws {
    defer { remove() }
    _ = await announce([["domain": "a.example.org"], ["domain": "b.example.org"]], as: client("op-1"))
    let names: JSONValue = ["A.example.org", ["domain": "b.example.org"], "never.example.org", "b..d"]
    let outcome = await call("withdrawConnections", ["connections": names], as: client("op-1"))
    guard case .result(let result) = outcome, let answers = result?.array else {
      Issue.record("no list: \(outcome)")
      return
    }
    #expect(answers.map { $0["code"]?.integer } == [nil, nil, nil, 400])
    #expect(book.list(of: nil).isEmpty)
    #expect(await announce([["domain": "a.example.org"]], as: client("op-2")) == .result([nil]))
    #expect(try await Self.open(folder).list(of: nil).map(\.owner) == ["op-2"])
  }

  @Test func nobodyWithdrawsWhatIsSomebodyElses() async throws {
    defer { remove() }
    _ = await announce([["domain": "a.example.org"]], as: client("op-1"))
    #expect(await call("withdrawConnections", ["connections": ["a.example.org"]], as: client("op-2")) == .result([nil]))
    #expect(holder(of: "a.example.org") == "op-1")
  }

  @Test(arguments: [JSONValue.null, "a.example.org", [5], [["name": "a.example.org"]]])
  func aMalformedWithdrawalIsAnError(connections: JSONValue) async throws {
    defer { remove() }
    guard case .fault(let fault) = await call("withdrawConnections", ["connections": connections], as: client("op-1")) else {
      Issue.record("was accepted")
      return
    }
    #expect(fault.code == -32602)
  }

  @Test func instancesHoldANameSideBySideAndEachWithdrawsItsOwn() async throws {
    defer { remove() }
    for instance in ["one", "two"] {
      let params: [String: JSONValue] = [
        "connections": [["domain": "a.example.org"]], "instance": .string(instance), "node": .string("node-\(instance)"),
      ]
      #expect(await call("announceConnections", params, as: client("op-1")) == .result([nil]))
    }
    #expect(book.candidates(for: "a.example.org").map(\.node) == ["node-one", "node-two"])
    #expect(try await Self.open(folder).list(of: nil).map(\.instance?.text) == ["one", "two"])
    _ = await call("withdrawConnections", ["connections": ["a.example.org"], "instance": "one"], as: client("op-1"))
    #expect(book.candidates(for: "a.example.org").map(\.party.instance?.text) == ["two"])
    #expect(try await Self.open(folder).list(of: nil).map(\.instance?.text) == ["two"])
    guard case .fault(let fault) = await call("announceConnections", ["connections": [], "instance": "no name"], as: client("op-1")) else {
      Issue.record("was accepted")
      return
    }
    #expect(fault.code == -32602)
  }

  @Test func whatIsNotAmongAllThatAnInstanceAnnouncesIsForgotten() async throws {
    defer { remove() }
    _ = await announce([["domain": "other.example.org"]], as: client("op-1"))
    let both: JSONValue = [["domain": "a.example.org"], ["domain": "b.example.org"]]
    _ = await call("announceConnections", ["connections": both, "instance": "one", "all": true], as: client("op-1"))
    _ = await call(
      "announceConnections", ["connections": [["domain": "B.example.org"]], "instance": "one", "all": true], as: client("op-1"))
    #expect(book.list(of: nil).map(\.domain) == ["b.example.org", "other.example.org"])
    #expect(try await Self.open(folder).list(of: nil).map(\.domain) == ["b.example.org", "other.example.org"])
  }

  @Test func whatTheDirectoryNoLongerAllowsIsNoLongerHeld() async throws {
    defer { remove() }
    let items: JSONValue = [["domain": "a.example.org"], ["domain": "a.example.net"]]
    _ = await announce(items, as: client("op-1", domains: [".example.org", ".example.net"]))
    #expect(book.list(of: nil).count == 2)
    // It goes on repeating itself.
    _ = await announce(items, as: client("op-1", domains: [".example.org"]))
    #expect(book.list(of: nil).map(\.domain) == ["a.example.org"])
    #expect(await announce([["domain": "a.example.net"]], as: client("op-2", domains: [".example.net"])) == .result([nil]))
    guard case .fault(let fault) = await announce(items, as: client("op-1", domains: nil)) else {
      Issue.record("was accepted")
      return
    }
    #expect(fault.code == 403)
    #expect(try await Self.open(folder).list(of: nil).map(\.owner) == ["op-2"])
  }

  @Test func manyNamesAreToldInRangesEachOfWhichIsComplete() async throws {
    defer { remove() }
    func say(_ names: [String], _ all: JSONValue) async {
      let items = JSONValue.array(names.map { ["domain": .string($0)] })
      _ = await call("announceConnections", ["connections": items, "instance": "one", "all": all], as: client("op-1"))
    }
    let names = ["a", "b", "c", "d"].map { "\($0).example.org" }
    await say(Array(names[..<2]), ["below": .string(names[2])])
    await say(Array(names[2...]), ["from": .string(names[2])])
    #expect(book.list(of: nil).map(\.domain) == names)
    await say([names[0]], ["below": .string(names[2])])
    #expect(book.list(of: nil).map(\.domain) == [names[0], names[2], names[3]])
    await say([names[3]], ["from": .string(names[2])])
    #expect(book.list(of: nil).map(\.domain) == [names[0], names[3]])
  }

  @Test func partnersWithNamesWithoutEndAreRefused() async throws {
    defer { remove() }
    let item: JSONValue = ["domain": "a.example.org", "shared_with": [.string(String(repeating: "x", count: 256))]]
    let outcome = await announce([item, ["domain": "b.example.org"]], as: client("op-1"))
    guard case .result(let result) = outcome else {
      Issue.record("no list: \(outcome)")
      return
    }
    #expect(result?.array?.map { $0["code"]?.integer } == [400, nil])
  }

  /// A call that its caller has given up may still be on its way.
  @Test func aCallThatWasDelayedUndoesNothing() async throws {
    defer { remove() }
    func say(_ method: String, _ run: String, _ number: Int64, _ more: [String: JSONValue]) async -> CallResponse.Outcome {
      let params: [String: JSONValue] = ["instance": "one", "run": .string(run), "number": .integer(number)]
      return await call(method, params.merging(more) { $1 }, as: client("op-1"))
    }
    let (a, b): (JSONValue, JSONValue) = (["domain": "a.example.org"], ["domain": "b.example.org"])
    #expect(await say("announceConnections", "r", 2, ["connections": [a, b], "all": true]) == .result([nil, nil]))
    let tooLate = CallResponse.Outcome.fault(
      CallFault(code: 409, message: "a later call of the same private proxy has been carried out already", data: ["overtaken": true]))
    #expect(await say("announceConnections", "r", 1, ["connections": [a], "all": true]) == tooLate)
    #expect(await say("withdrawConnections", "r", 3, ["connections": ["b.example.org"]]) == .result([nil]))
    #expect(await say("announceConnections", "r", 2, ["connections": [b]]) == tooLate)
    #expect(book.list(of: nil).map(\.domain) == ["a.example.org"])
    // Started again; the stop of the former start comes behind.
    #expect(await say("announceConnections", "s", 1, ["connections": [a], "all": true]) == .result([nil]))
    #expect(await say("announceConnections", "r", 4, ["connections": [], "stopping": true]) == tooLate)
    #expect(await say("withdrawConnections", "r", 5, ["connections": ["a.example.org"]]) == tooLate)
    #expect(book.candidates(for: "a.example.org").count == 1)
  }

  @Test func theListSaysSinceWhenAndWhetherTheHolderIsThere() async throws {
    defer { remove() }
    let items: JSONValue = [["domain": "a.example.org", "shared_with": ["op-2"]], ["domain": "b.example.org", "offline": true]]
    _ = await call("announceConnections", ["connections": items, "instance": "one"], as: client("op-1"))
    let listed = try #require(await list(as: client("op-1"))?.array)
    #expect(listed.map { $0["domain"] } == ["a.example.org", "b.example.org"])
    #expect(listed.map { $0["offline"] } == [false, true])
    #expect(listed[0]["shared_with"] == ["op-2"])
    #expect(book.candidates(for: "b.example.org").isEmpty)
    for entry in listed {
      #expect(entry["connected"] == true && entry["instance"] == "one" && entry["expires_at"] == .null)
      for key in ["since", "last_seen"] {
        let time = try #require(entry[key]?.string.flatMap { RFC3339.parse($0) })
        #expect(abs(time.timeIntervalSinceNow) < 60)
      }
    }
    _ = await call("announceConnections", ["connections": [], "instance": "one", "stopping": true], as: client("op-1"))
    #expect(await list(as: client("op-1"))?.array?.map { $0["connected"] } == [false, false])
    #expect(book.candidates(for: "a.example.org").isEmpty)
    #expect(holder(of: "a.example.org") == "op-1")
    guard case .result(let result) = await announce([["domain": "a.example.org"]], as: client("op-2")) else {
      Issue.record("no list")
      return
    }
    #expect(result?.array?.first?["code"] == 409)
  }

  @Test func announcementsSurviveARestart() async throws {
    defer { remove() }
    let expiry = RFC3339.format(Date().addingTimeInterval(3600))
    _ = await announce([["domain": "a.example.org", "expires_at": .string(expiry)]], as: client("op-1"))
    let reopened = try await Self.open(folder)
    #expect(holder(of: "a.example.org", in: reopened) == "op-1")
    #expect(reopened.list(of: nil).first?.expiresAt == RFC3339.parse(expiry))
  }

  @Test func aPastExpiryWithdrawsForGood() async throws {
    defer { remove() }
    _ = await announce([["domain": "a.example.org"]], as: client("op-1"))
    #expect(await announce([["domain": "a.example.org", "expires_at": "2020-01-01T00:00:00Z"]], as: client("op-1")) == .result([nil]))
    #expect(holder(of: "a.example.org") == nil)
    #expect(try await Self.open(folder).list(of: nil).isEmpty)
  }

  @Test func whatTheSettingsRouteIsForgottenAtTheNextStartAndCannotBeAnnouncedAgain() async throws {
    defer { remove() }
    _ = await announce([["domain": "a.example.org"], ["domain": "b.example.org"]], as: client("op-1"))
    let route = StaticRoute(domain: "a.example.org", address: "localhost:1")
    let reopened = try await Self.open(folder, routes: StaticRoutes([route]))
    #expect(reopened.list(of: nil).map(\.domain) == ["b.example.org"])
    #expect(reopened.lookup("a.example.org", alpn: []) == .route(route))
    let refusals = try await reopened.announce(
      [AnnouncementRequest(domain: "A.example.org")], by: "op-1", allowed: AllowedDomains([".example.org"]))
    #expect(refusals == [.staticRoute(domain: "a.example.org")])
    #expect(refusals[0]?.code == 409)
    // For good: without the route the name is nobody's.
    #expect(try await Self.open(folder).list(of: nil).map(\.domain) == ["b.example.org"])
  }

  @Test func ofANameThatACallNamesTwiceTheLastItemIsStored() async throws {
    defer { remove() }
    let past: JSONValue = "2020-01-01T00:00:00Z"
    let items: JSONValue = [
      ["domain": "a.example.org"], ["domain": "a.example.org", "expires_at": past], ["domain": "b.example.org"],
      ["domain": "b.example.org", "expires_at": past], ["domain": "b.example.org"],
    ]
    #expect(await announce(items, as: client("op-1")) == .result([nil, nil, nil, nil, nil]))
    #expect(book.list(of: nil).map(\.domain) == ["b.example.org"])
    #expect(try await Self.open(folder).list(of: nil).map(\.domain) == ["b.example.org"])
  }

  @Test func manyAtOnceLoseNothing() async throws {
    defer { remove() }
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<50 {
        group.addTask { _ = await announce([["domain": .string("n\(number).example.org")]], as: client("op-1")) }
      }
    }
    #expect(book.list(of: "op-1").count == 50)
    #expect(try await Self.open(folder).list(of: nil).count == 50)
  }

  @Test func anUnknownMethodAndAMissingCallerAreErrors() async throws {
    defer { remove() }
    let unknown = await methods.handle(RPCRequest(id: "1", method: "nosuch", params: [:], caller: .anonymous))
    #expect(unknown == .fault(.methodNotFound))
    guard case .fault(let fault) = await methods.handle(RPCRequest(id: "1", method: "getAnnouncements", params: [:], caller: .anonymous))
    else {
      Issue.record("was accepted")
      return
    }
    #expect(fault.code == -32602)
  }
}
