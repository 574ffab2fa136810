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

  @Test func aPrivateProxyThatStopsIsAwayAndItsSiblingsAreNot() throws {
    var table = AnnouncementTable()
    for id in [one, two] { _ = try table.announce(name, instance: id) }
    table.stopped(Party(alice, instance: one), now: noon + 1)
    #expect(isConnected(table, now: noon + 1) == [false, true])
    #expect(table.candidates(for: name, now: noon + 1).map(\.instance) == [two])
    #expect(table.lookup(name, now: noon + 1)?.instance == two)
    table.stopped(Party(alice, instance: two), now: noon + 1)
    // What is known may be old: all are asked.
    #expect(table.candidates(for: name, now: noon + 1).map(\.instance) == [one, two])
    table.heard(Party(alice, instance: two), now: noon + 2)
    #expect(table.candidates(for: name, now: noon + 2).map(\.instance) == [two])
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
    table.replaceConnected([bob, "somebody"], now: noon + 1)
    #expect(isConnected(table, now: noon + 1) == [false, true])
    table.replaceConnected([alice], now: noon + 2)
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
    #expect(isConnected(table, now: noon + 100) == [false, true])
    table.replaceConnected([], now: noon + 101)
    #expect(isConnected(table, now: noon + 101) == [false, false])
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
