import Announcements
import FoundationEssentials
import HyperModel
import Testing

/// Several private proxies under one name: of one operator, and of operators that name each other.
@Suite struct InstanceTests {
  private let one = InstanceID("one")
  private let two = InstanceID("two")
  private let carol: OperatorName = "carol"
  private let name = "a.example.org"

  private func parties(_ table: AnnouncementTable, now: Date = noon) -> [String] {
    table.candidates(for: name, now: now).map { "\($0.party)" }
  }

  @Test(arguments: ["", " ", "a b", "ü", "a/b", "a\n", String(repeating: "a", count: 65)])
  func anInstanceIDIsAShortWord(text: String) { #expect(InstanceID(text) == nil) }

  @Test func randomInstanceIDsAreValidAndDiffer() {
    var generator = SystemRandomNumberGenerator()
    let ids = Set((0..<100).map { _ in InstanceID.random(using: &generator) })
    #expect(ids.count == 100)
    for id in ids { #expect(InstanceID(id.text) == id) }
  }

  @Test func instancesOfOneOperatorHoldANameSideBySide() throws {
    var table = AnnouncementTable()
    #expect(try table.announce(name, instance: one) == .created(held(name, instance: one)))
    #expect(try table.announce(name, instance: two, now: noon + 1) == .created(held(name, instance: two, since: noon + 1)))
    #expect(try table.announce(name, now: noon + 2) == .created(held(name, since: noon + 2)))
    #expect(try table.announce(name, instance: one, now: noon + 3) == .unchanged)
    #expect(parties(table) == ["alice/one", "alice/two", "alice"])
    #expect(table.count == 3)
    #expect(table.nameCount == 1)
    #expect(table.list(now: noon).map(\.instance) == [one, two, nil])
    #expect(try table.announce(name, by: bob).refusal?.code == 409)
  }

  @Test func anInstanceGivesUpItsOwnAnnouncementOnly() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name, instance: one)
    _ = try table.announce(name, instance: two)
    #expect(try table.announce(name, until: noon, instance: two) == .withdrawn(held(name, instance: two, until: noon)))
    #expect(parties(table) == ["alice/one"])
    _ = try table.announce(name, instance: two)
    let report = table.withdraw([name], by: alice, instance: one, now: noon)
    #expect(report.outcomes == [.withdrawn(held(name, instance: one))])
    #expect(report.displaced == [held(name, instance: one)])
    #expect(parties(table) == ["alice/two"])
    #expect(try table.announce(name, by: bob).refusal?.code == 409)
    #expect(table.withdraw([name], by: alice, instance: one, now: noon).outcomes == [.unchanged])
  }

  @Test func anOperatorGivesUpWhatAllItsInstancesHoldAndNobodyElses() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name, instance: one)
    _ = try table.announce(name, instance: two)
    #expect(table.withdraw([name], by: bob, now: noon).outcomes == [.unchanged])
    let report = table.withdraw(["A.Example.org", "never.example.org", "b..d"], by: alice, now: noon)
    #expect(report.outcomes[0] == .withdrawn(held(name, instance: one)))
    #expect(report.outcomes[1] == .unchanged)
    #expect(report.outcomes[2].refusal?.code == 400)
    #expect(report.displaced.count == 2)
    #expect(table.count == 0)
    #expect(try table.announce(name, by: bob).refusal == nil)
  }

  @Test func anotherOperatorSharesANameWhenEachNamesTheOther() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name, by: alice, sharedWith: [bob])
    #expect(try table.announce(name, by: bob).refusal == .heldByAnother(domain: name, owner: alice))
    #expect(try table.announce(name, by: carol, sharedWith: [alice]).refusal?.code == 409)
    #expect(try table.announce(name, by: bob, sharedWith: [alice, bob]).refusal == nil)
    #expect(parties(table) == ["alice", "bob"])
    // A third needs both, and both have to want it.
    #expect(try table.announce(name, by: carol, sharedWith: [alice, bob]).refusal?.code == 409)
    _ = try table.announce(name, by: alice, sharedWith: [bob, carol])
    #expect(try table.announce(name, by: carol, sharedWith: [alice, bob]).refusal == .heldByAnother(domain: name, owner: bob))
    _ = try table.announce(name, by: bob, sharedWith: [alice, carol])
    #expect(try table.announce(name, by: carol, sharedWith: [alice, bob]).refusal == nil)
    #expect(parties(table) == ["alice", "bob", "carol"])
  }

  @Test func whoCameFirstEndsTheSharing() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name, by: alice, sharedWith: [bob])
    _ = try table.announce(name, by: bob, sharedWith: [alice])
    // The later one cannot put the first one out.
    #expect(try table.announce(name, by: bob).refusal?.code == 409)
    #expect(parties(table) == ["alice", "bob"])
    let report = try table.report(name, by: alice)
    #expect(report.outcomes == [.renewed(held(name, by: alice))])
    #expect(report.displaced == [held(name, by: bob, sharedWith: [alice])])
    #expect(try table.announce(name, by: bob, sharedWith: [alice]).refusal?.code == 409)
  }

  @Test func aPartnerGivesUpByExpiryWithoutNamingAnybody() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name, by: alice, sharedWith: [bob])
    _ = try table.announce(name, by: bob, sharedWith: [alice])
    #expect(try table.announce(name, until: noon, by: bob) == .withdrawn(held(name, by: bob, until: noon, sharedWith: [alice])))
    #expect(parties(table) == ["alice"])
  }

  @Test func sharingAWildcardIsHoldingIt() throws {
    var table = AnnouncementTable()
    _ = try table.announce("*.example.org", by: alice, sharedWith: [bob])
    #expect(try table.announce(name, by: bob).refusal?.code == 409)
    _ = try table.announce("*.example.org", by: bob, sharedWith: [alice])
    #expect(try table.announce(name, by: bob).refusal == nil)
    #expect(try table.announce("b.example.org", by: carol).refusal?.code == 409)
  }

  @Test func anInstanceThatExpiresLeavesTheOthers() throws {
    var table = AnnouncementTable()
    _ = try table.announce(name, until: noon + 50, instance: one)
    _ = try table.announce(name, instance: two)
    #expect(parties(table, now: noon + 50) == ["alice/two"])
    #expect(table.purgeExpired(now: noon + 50) == [held(name, instance: one, until: noon + 50)])
    #expect(table.count == 1)
  }

  @Test func theNumbersOfInstancesAndPartnersAreBounded() throws {
    var limits = AnnouncementLimits()
    limits.instancesPerOwner = 2
    limits.partners = 1
    var table = AnnouncementTable(limits: limits)
    for id in ["one", "two"] { #expect(try table.announce(name, instance: InstanceID(id)).refusal == nil) }
    let refusal = try #require(try table.announce(name, instance: InstanceID("three")).refusal)
    #expect(refusal == .tooManyInstances(limit: 2))
    #expect(refusal.code == 403)
    #expect(refusal.description.contains("2 private proxies"))
    #expect(try table.announce("b.example.org", instance: one).refusal == nil)
    let many = try #require(try table.announce("c.example.org", instance: one, sharedWith: [bob, carol]).refusal)
    #expect(many == .tooManyPartners(domain: "c.example.org", limit: 1))
    #expect(many.code == 400)
    _ = table.withdraw([name, "b.example.org"], by: alice, instance: one, now: noon)
    #expect(try table.announce(name, instance: InstanceID("three")).refusal == nil)
  }

  @Test func storedInstancesAndPartnersAreRestoredInTheOrderInWhichTheyCame() throws {
    let stored = [
      held(name, by: bob, since: noon + 2, sharedWith: [alice]), held(name, instance: two, since: noon + 1, sharedWith: [bob]),
      held(name, instance: one, since: noon, sharedWith: [bob]),
    ]
    var table = AnnouncementTable()
    let stranger = held(name, by: carol, since: noon + 3, sharedWith: [alice])
    let twin = held(name, instance: one, since: noon + 4)
    #expect(table.restore(stored + [stranger, twin], now: noon + 10) == [stranger, twin])
    #expect(table.list(now: noon + 10) == stored.reversed())
  }
}
