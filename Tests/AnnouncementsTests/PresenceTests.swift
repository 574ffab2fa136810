import Announcements
import FoundationEssentials
import HyperModel
import Testing

/// Who is there, who is away, and what becomes of the names of those who are away.
@Suite struct PresenceTests {
  private let one = InstanceID("one")
  private let two = InstanceID("two")
  private let name = "a.example.org"
  private let grace: TimeInterval = 300

  private func isConnected(_ table: AnnouncementTable, now: Date) -> [Bool] { table.statuses(now: now).map(\.isConnected) }

  @Test func whoAnnouncesIsConnected() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name)
    let status = try #require(table.statuses(now: noon).first)
    #expect(status == AnnouncementStatus(announcement: held(name), lastSeen: noon, isConnected: true))
    // Also by an announcement that changes nothing, or is refused.
    _ = try table.announce(name, now: noon + 10)
    #expect(table.statuses(now: noon).first?.lastSeen == noon + 10)
    _ = try table.announce("a.example.com", now: noon + 20)
    #expect(table.statuses(now: noon).first?.lastSeen == noon + 20)
  }

  @Test func anOperatorHasSpokenWhenAllItsPrivateProxiesHave() throws {
    var table = AnnouncementTable()
    #expect(!table.haveSpoken(alice, since: noon - 1, now: noon), "it holds nothing")
    _ = try table.announce(name, instance: one)
    _ = try table.announce("b.example.org", instance: two, now: noon + 10)
    #expect(table.haveSpoken(alice, since: noon - 1, now: noon + 10))
    #expect(!table.haveSpoken(alice, since: noon, now: noon + 10), "one has not since then")
    // Having a connection again is no word of theirs.
    table.disconnected(alice, now: noon + 20)
    table.connected(alice, now: noon + 30)
    #expect(!table.haveSpoken(alice, since: noon + 15, now: noon + 30))
    #expect(!table.haveSpoken(alice, since: noon - 3600, now: noon - 1800), "the clock was set back")
    #expect(!table.haveSpoken(bob, since: noon - 1, now: noon + 10))
  }

  @Test func aNameStaysItsOwnersForTheGraceAndIsThenFreeForOthers() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name)
    table.disconnected(alice, now: noon + 1)
    #expect(isConnected(table, now: noon + 1) == [false])
    #expect(try table.announce(name, by: bob, now: noon + grace).refusal?.code == 409)
    // Nobody else wants it: its clients still learn that its owner is away.
    #expect(table.lookup(name, now: noon + 10 * grace)?.owner == alice)
    let report = try table.report(name, by: bob, now: noon + 1 + grace)
    #expect(report.outcomes == [.created(held(name, by: bob, since: noon + 1 + grace))])
    #expect(report.displaced == [held(name)])
    #expect(try table.announce(name, by: alice, now: noon + 1 + grace).refusal?.code == 409)
  }

  @Test func whoComesBackInTimeKeepsTheName() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name)
    table.disconnected(alice, now: noon)
    table.disconnected(alice, now: noon + grace - 1)
    #expect(table.statuses(now: noon + grace).map(\.isConnected) == [false])
    table.connected(alice, now: noon + grace - 1)
    #expect(try table.announce(name, by: bob, now: noon + 2 * grace).refusal?.code == 409)
    #expect(try table.announce(name, by: alice, now: noon + 2 * grace) == .unchanged)
  }

  @Test func whoComesBackLateKeepsTheNameIfNobodyTookIt() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name)
    table.disconnected(alice, now: noon)
    #expect(try table.announce(name, now: noon + 2 * grace) == .unchanged)
    #expect(try table.announce(name, by: bob, now: noon + 2 * grace).refusal?.code == 409)
  }

  @Test func aWildcardWhoseOwnerIsAwayForLongStandsInNobodysWay() throws {
    var table = AnnouncementTable()
    _ = try table.announce("*.example.org")
    table.disconnected(alice, now: noon)
    #expect(try table.announce(name, by: bob, now: noon + grace - 1).refusal?.code == 409)
    #expect(try table.announce(name, by: bob, now: noon + grace).refusal == nil)
    // But it does not fall to somebody else by itself.
    #expect(table.lookup("b.example.org", now: noon + grace)?.owner == alice)
  }

  @Test func withdrawnIsFreeAtOnce() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name)
    table.disconnected(alice, now: noon)
    _ = table.withdraw([name], by: alice, now: noon)
    #expect(table.lookup(name, now: noon) == nil)
    #expect(try table.announce(name, by: bob).refusal == nil)
  }

  @Test func aPrivateProxyThatSaysWhichItIsMustRepeatItself() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name, instance: one)
    _ = try table.announce("b.example.org")
    #expect(isConnected(table, now: noon + 99) == [true, true])
    #expect(isConnected(table, now: noon + 100) == [false, true])
    #expect(try table.announce(name, by: bob, now: noon + 100 + grace - 1).refusal?.code == 409)
    #expect(try table.announce(name, by: bob, now: noon + 100 + grace).refusal == nil)
    #expect(try table.announce("b.example.org", by: bob, now: noon + 10 * grace).refusal?.code == 409)
  }

  @Test func aPrivateProxyThatRepeatsItselfSeldomSaysSo() throws {
    var table = AnnouncementTable()
    let requests = [AnnouncementRequest(domain: name)]
    _ = table.announce(requests, by: alice, instance: one, every: 600, allowed: try allowing(".example.org"), now: noon)
    #expect(isConnected(table, now: noon + 1979) == [true])
    #expect(isConnected(table, now: noon + 1980) == [false])
    _ = table.announce(requests, by: alice, instance: one, every: 30, allowed: try allowing(".example.org"), now: noon + 2000)
    #expect(isConnected(table, now: noon + 2099) == [true])
    #expect(isConnected(table, now: noon + 2100) == [false])
  }

  @Test func aPrivateProxyThatStopsIsAwayAndItsSiblingsAreNot() throws {
    var table = AnnouncementTable()
    for id in [one, two] { _ = try table.announce(name, instance: id) }
    table.stopped(Party(alice, instance: one), now: noon + 1)
    #expect(isConnected(table, now: noon + 1) == [false, true])
    #expect(table.candidates(for: name, now: noon + 1).map(\.instance) == [two])
    #expect(table.lookup(name, now: noon + 1)?.instance == two)
    table.stopped(Party(alice, instance: two), now: noon + 1)
    // They have said so themselves.
    #expect(table.candidates(for: name, now: noon + 1).isEmpty)
    #expect(table.lookup(name, now: noon + 1)?.owner == alice)
    #expect(try table.announce(name, by: bob, now: noon + grace).refusal?.code == 409)
    table.heard(Party(alice, instance: two), now: noon + 2)
    #expect(table.candidates(for: name, now: noon + 2).map(\.instance) == [two])
  }

  @Test func whoCannotBeReachedIsAskedOnlyWhenNobodyElseIsThere() throws {
    var table = AnnouncementTable()
    for id in [one, two] { _ = try table.announce(name, instance: id) }
    table.unreachable(Party(alice, instance: one), now: noon + 1)
    #expect(isConnected(table, now: noon + 1) == [false, true])
    #expect(table.candidates(for: name, now: noon + 1).map(\.instance) == [two])
    // The network's connection to the operator says nothing about it.
    table.connected(alice, now: noon + 2)
    #expect(isConnected(table, now: noon + 2) == [false, true])
    table.unreachable(Party(alice, instance: two), now: noon + 2)
    // What is known may be old: all are asked.
    #expect(table.candidates(for: name, now: noon + 2).map(\.instance) == [one, two])
    table.heard(Party(alice, instance: one), now: noon + 3)
    #expect(table.candidates(for: name, now: noon + 3).map(\.instance) == [one])
    // An answer that comes late says that it is there as well.
    table.reached(Party(alice, instance: two))
    #expect(table.candidates(for: name, now: noon + 3).map(\.instance) == [one, two])
  }

  @Test func aClockThatIsSetMakesNobodyAwayForLonger() throws {
    let hour = 3600.0
    var table = AnnouncementTable()
    _ = try table.announce(name, instance: one, now: noon)
    table.clockJumped(by: hour)
    #expect(isConnected(table, now: noon + hour + 99) == [true])
    #expect(isConnected(table, now: noon + hour + 101) == [false])
    // Away for as long as it is.
    table.disconnected(alice, now: noon + hour + 10)
    table.clockJumped(by: -hour)
    #expect(try table.announce(name, by: bob, now: noon + 10 + grace - 1).refusal?.code == 409)
    #expect(try table.announce(name, by: bob, now: noon + 10 + grace).refusal == nil)
  }

  @Test func aCallThatWasDelayedComesTooLate() throws {
    func order(_ run: String, _ number: Int64) -> CallOrder { CallOrder(run: run, number: number) }
    let party = Party(alice, instance: one)
    var table = AnnouncementTable()
    // Nothing is known of those who hold nothing.
    #expect(!table.isOvertaken(order("a", 2), of: party))
    table.carriedOut(order("a", 2), of: party)
    #expect(!table.isOvertaken(order("a", 1), of: party))
    _ = try table.announce(name, instance: one)
    table.carriedOut(order("a", 2), of: party)
    #expect(table.isOvertaken(order("a", 1), of: party))
    #expect(table.isOvertaken(order("a", 2), of: party))
    #expect(!table.isOvertaken(order("a", 3), of: party))
    #expect(!table.isOvertaken(order("a", 1), of: Party(alice, instance: two)))
    // Started again: whatever is left of the former run is too late.
    #expect(!table.isOvertaken(order("b", 1), of: party))
    table.carriedOut(order("b", 1), of: party)
    #expect(table.isOvertaken(order("a", 9), of: party))
    #expect(!table.isOvertaken(order("b", 2), of: party))
  }

  @Test func anAnswerToANoticeDoesNotEndAStop() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name, instance: one)
    table.stopped(Party(alice, instance: one), now: noon + 1)
    table.reached(Party(alice, instance: one))
    #expect(table.candidates(for: name, now: noon + 2).isEmpty)
  }

  @Test func whoDoesNotSayWhichItIsIsNotAwayBecauseOfOneNotice() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name)
    table.unreachable(Party(alice), now: noon + 1)
    #expect(isConnected(table, now: noon + 1) == [true])
  }

  @Test func theNodeThroughWhichAPrivateProxySpeaksSaysWhetherItIsConnected() throws {
    var table = AnnouncementTable()
    let requests = [AnnouncementRequest(domain: name)]
    for (id, node) in [(one, "n1"), (two, "n2")] {
      _ = table.announce(requests, by: alice, instance: id, node: node, allowed: try allowing(".example.org"), now: noon)
    }
    #expect(table.node(of: Party(alice, instance: one)) == "n1")
    table.replaceConnected([alice: ["n2", "n3"]], now: noon + 1)
    #expect(isConnected(table, now: noon + 1) == [false, true])
    #expect(table.candidates(for: name, now: noon + 1).map(\.instance) == [two])
    // A network that does not tell nodes apart knows that the operator is there, not who of it.
    table.replaceConnected([alice: []], now: noon + 2)
    #expect(isConnected(table, now: noon + 2) == [true, true])
    table.replaceConnected([alice: ["n2"]], now: noon + 3)
    table.heard(Party(alice, instance: one), through: "n2", now: noon + 4)
    table.replaceConnected([alice: ["n2"]], now: noon + 5)
    #expect(isConnected(table, now: noon + 5) == [true, true])
  }

  @Test func aNameWhoseServerIsDownKeepsItsOwnerAndAsksNobody() throws {
    var table = AnnouncementTable()
    let offline = [AnnouncementRequest(domain: name, isOffline: true)]
    let allowed = try allowing(".example.org")
    for id in [one, two] { _ = try table.announce(name, instance: id) }
    #expect(
      table.announce(offline, by: alice, instance: one, allowed: allowed, now: noon).outcomes
        == [.switched(held(name, instance: one), isOffline: true)])
    #expect(table.announce(offline, by: alice, instance: one, allowed: allowed, now: noon).outcomes == [.unchanged])
    #expect(table.candidates(for: name, now: noon).map(\.instance) == [two])
    _ = table.announce(offline, by: alice, instance: two, allowed: allowed, now: noon)
    #expect(table.candidates(for: name, now: noon).isEmpty)
    #expect(table.lookup(name, now: noon)?.owner == alice)
    #expect(table.statuses(now: noon).map(\.isOffline) == [true, true])
    #expect(try table.announce(name, by: bob).refusal?.code == 409)
    #expect(try table.announce(name, instance: two) == .switched(held(name, instance: two), isOffline: false))
    #expect(table.candidates(for: name, now: noon).map(\.instance) == [two])
    // Offline from the start.
    let other = [AnnouncementRequest(domain: "b.example.org", isOffline: true)]
    #expect(table.announce(other, by: alice, allowed: allowed, now: noon).outcomes == [.created(held("b.example.org"))])
    #expect(table.candidates(for: "b.example.org", now: noon).isEmpty)
  }

  @Test func whatIsNotAmongAllThatAPrivateProxyAnnouncesIsGivenUp() throws {
    var table = AnnouncementTable()
    for domain in [name, "b.example.org", "c.example.org"] { _ = try table.announce(domain, instance: one) }
    _ = try table.announce("b.example.org", instance: two)
    #expect(
      table.withdrawAll(of: Party(alice, instance: one), except: [name, "b.example.org", "c.example.org", "never.example.org"]).isEmpty)
    let gone = table.withdrawAll(of: Party(alice, instance: one), except: [name])
    #expect(gone == [held("b.example.org", instance: one), held("c.example.org", instance: one)])
    #expect(table.list(now: noon) == [held(name, instance: one), held("b.example.org", instance: two)])
    #expect(table.withdrawAll(of: Party(bob), except: []).isEmpty)
  }

  @Test func whatARestartedPrivateProxyLeftBehindGoesAfterTheGrace() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name, instance: one)
    _ = try table.announce(name, instance: two, now: noon + 50)
    _ = try table.announce(name, instance: two, now: noon + 400)
    #expect(table.purgeExpired(now: noon + 399).isEmpty)
    #expect(table.purgeExpired(now: noon + 400) == [held(name, instance: one)])
    #expect(table.candidates(for: name, now: noon + 400).map(\.instance) == [two])
    // The last one stays.
    #expect(table.purgeExpired(now: noon + 4000).isEmpty)
  }

  @Test func whoIsAwayForAWeekIsForgotten() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name)
    _ = try table.announce("b.example.org", by: bob)
    table.disconnected(alice, now: noon)
    #expect(table.purgeExpired(now: noon + 7 * day - 1).isEmpty)
    #expect(table.purgeExpired(now: noon + 7 * day) == [held(name)])
    #expect(table.lookup(name, now: noon + 7 * day) == nil)
  }

  @Test func theNetworksViewIsTakenOverAsAWhole() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name)
    _ = try table.announce("b.example.org", by: bob)
    table.replaceConnected([bob: [], "somebody": []], now: noon + 1)
    #expect(isConnected(table, now: noon + 1) == [false, true])
    table.replaceConnected([alice: []], now: noon + 2)
    #expect(isConnected(table, now: noon + 2) == [true, false])
    #expect(try table.announce("b.example.org", by: alice, now: noon + 2 + grace - 1).refusal?.code == 409)
    #expect(try table.announce("b.example.org", by: alice, now: noon + 2 + grace).refusal == nil)
    #expect(try table.announce(name, by: bob, now: noon + 2 * grace).refusal?.code == 409)
  }

  @Test func whatIsRestoredCountsAsConnectedUntilMoreIsKnown() throws {
    var table = AnnouncementTable()
    #expect(table.restore([held(name, instance: one), held("b.example.org", by: bob)], now: noon).isEmpty)
    #expect(isConnected(table, now: noon) == [true, true])
    #expect(table.statuses(now: noon).map(\.lastSeen) == [nil, nil])
    // Perhaps it is one that repeats itself seldom.
    #expect(isConnected(table, now: noon + 899) == [true, true])
    #expect(isConnected(table, now: noon + 900) == [false, true])
    table.replaceConnected([:], now: noon + 901)
    #expect(isConnected(table, now: noon + 901) == [false, false])
  }

  @Test func eventsOfStrangersChangeNothing() throws {
    var table = AnnouncementTable()
    table.connected(alice, now: noon)
    table.disconnected(alice, now: noon)
    table.stopped(Party(alice, instance: one), now: noon)
    table.heard(Party(alice, instance: one), now: noon)
    _ = try table.announce(name)
    table.stopped(Party(alice, instance: one), now: noon)
    #expect(isConnected(table, now: noon) == [true])
  }
}
