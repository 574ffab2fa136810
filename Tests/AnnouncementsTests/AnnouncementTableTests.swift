import Announcements
import FoundationEssentials
import HyperModel
import Testing

@Suite struct AnnouncementTableTests {
  @Test func anAnnouncedNameIsFoundInLowerCase() throws {
    var table = AnnouncementTable()
    let announcement = held("www.example.org", by: alice)
    #expect(try table.announce("WWW.Example.org") == .created(announcement))
    #expect(table.lookup("www.example.org", now: noon) == announcement)
    #expect(table.lookup("example.org", now: noon) == nil)
    #expect(table.lookup("x.www.example.org", now: noon) == nil)
    #expect(table.lookup("", now: noon) == nil)
  }

  @Test func aRepeatedAnnouncementChangesNothingAndAnotherExpiryRenews() throws {
    var table = AnnouncementTable()
    let later = noon + hour
    _ = try table.announce("a.example.org", until: later)
    #expect(try table.announce("A.example.org", until: later) == .unchanged)
    let longer = held("a.example.org", by: alice, until: later + hour)
    #expect(try table.announce("a.example.org", until: later + hour) == .renewed(longer))
    let forever = held("a.example.org", by: alice)
    #expect(try table.announce("a.example.org") == .renewed(forever))
    #expect(try table.announce("a.example.org") == .unchanged)
    #expect(table.count == 1)
  }

  @Test func anAnnouncementHoldsUntilItsExpiryAndNotAtIt() throws {
    var table = AnnouncementTable()
    _ = try table.announce("a.example.org", until: noon + hour)
    #expect(table.lookup("a.example.org", now: noon + hour - 0.001) != nil)
    #expect(table.lookup("a.example.org", now: noon + hour) == nil)
    #expect(table.list(now: noon + hour).isEmpty)
  }

  @Test func aNameHeldByAnotherIsRefusedUntilItExpires() throws {
    var table = AnnouncementTable()
    _ = try table.announce("a.example.org", until: noon + hour)
    let refusal = try #require(try table.announce("a.example.org", by: bob).refusal)
    #expect(refusal == .heldByAnother(domain: "a.example.org", owner: alice))
    #expect(refusal.code == 409)
    #expect(!refusal.description.contains("alice"))
    #expect(table.lookup("a.example.org", now: noon)?.owner == alice)
    // An expired announcement no longer blocks the name, purged or not.
    let taken = held("a.example.org", by: bob, since: noon + hour)
    #expect(try table.announce("a.example.org", by: bob, now: noon + hour) == .created(taken))
    #expect(table.lookup("a.example.org", now: noon + hour) == taken)
    #expect(try table.announce("a.example.org", by: alice, now: noon + hour).refusal?.code == 409)
  }

  @Test func aNameWithoutExpiryHoldsForEver() throws {
    var table = AnnouncementTable()
    _ = try table.announce("a.example.org")
    #expect(try table.announce("a.example.org", by: bob, now: noon + 10_000 * day).refusal?.code == 409)
    #expect(table.purgeExpired(now: noon + 10_000 * day).isEmpty)
  }

  @Test func aNameOutsideTheAllowedDomainsIsRefusedWithTheList() throws {
    var table = AnnouncementTable()
    for name in ["example.org", "a.example.com", "aexample.org"] {
      let refusal = try #require(try table.announce(name).refusal)
      #expect(refusal == .notAllowed(domain: name, allowed: [".example.org"]))
      #expect(refusal.fault.code == 403)
      #expect(refusal.fault.data == [".example.org"])
      #expect(refusal.description.contains("must end with .example.org"))
    }
    let outcome = table.announce([AnnouncementRequest(domain: "a.example.org")], by: alice, allowed: .none, now: noon).outcomes
    #expect(outcome[0].refusal?.description.contains("no domain at all") == true)
    #expect(table.count == 0)
  }

  @Test func anExpiryIsAtMostSevenDaysAhead() throws {
    var table = AnnouncementTable()
    #expect(try table.announce("a.example.org", until: noon + 7 * day).refusal == nil)
    // Two clocks may differ a little.
    #expect(try table.announce("b.example.org", until: noon + 7 * day + 30).refusal == nil)
    let refusal = try #require(try table.announce("c.example.org", until: noon + 7 * day + hour).refusal)
    #expect(refusal == .expiryTooFar(domain: "c.example.org"))
    #expect(refusal.fault.code == 400)
    #expect(table.count == 2)
  }

  @Test func anExpiryInThePastWithdraws() throws {
    var table = AnnouncementTable()
    #expect(try table.announce("a.example.org", until: noon - hour) == .unchanged)
    _ = try table.announce("a.example.org")
    #expect(try table.announce("a.example.org", until: noon, by: bob).refusal?.code == 409)
    let outcome = try table.announce("a.example.org", until: noon)
    #expect(outcome == .withdrawn(held("a.example.org", by: alice, until: noon)))
    #expect(table.lookup("a.example.org", now: noon) == nil)
    #expect(table.count == 0)
    #expect(try table.announce("a.example.org", by: bob).refusal == nil)
  }

  @Test func eachItemOfACallStandsForItself() throws {
    var table = AnnouncementTable()
    _ = try table.announce("held.example.org", by: bob)
    let domains = ["a.example.org", "held.example.org", "bad..example.org", "a.example.com", "a.example.org", "b.example.org"]
    let outcomes = table.announce(
      domains.map { AnnouncementRequest(domain: $0) }, by: alice, allowed: try allowing(".example.org"), now: noon
    ).outcomes
    #expect(outcomes.map { $0.refusal?.code } == [nil, 409, 400, 403, nil, nil])
    #expect(outcomes[4] == .unchanged)
    #expect(table.list(of: alice, now: noon).map(\.domain) == ["a.example.org", "b.example.org"])
  }

  @Test func anOwnerCannotHoldMoreNamesThanAllowed() throws {
    var table = AnnouncementTable(maximumPerOwner: 2)
    _ = try table.announce("a.example.org")
    _ = try table.announce("b.example.org", until: noon + hour)
    #expect(try table.announce("c.example.org").refusal == .tooMany(limit: 2))
    #expect(try table.announce("b.example.org", until: noon + 2 * hour).refusal == nil)
    #expect(try table.announce("c.example.org", by: bob).refusal == nil)
    _ = table.purgeExpired(now: noon + 2 * hour)
    #expect(try table.announce("d.example.org").refusal == nil)
    _ = try table.announce("d.example.org", until: noon)
    #expect(try table.announce("e.example.org").refusal == nil)
  }

  @Test func namesAreListedByOwnerOrAltogether() throws {
    var table = AnnouncementTable()
    _ = try table.announce("b.example.org")
    _ = try table.announce("a.example.org", until: noon + hour)
    _ = try table.announce("c.example.org", by: bob)
    #expect(table.list(now: noon).map(\.domain) == ["a.example.org", "b.example.org", "c.example.org"])
    #expect(table.list(of: alice, now: noon).map(\.domain) == ["a.example.org", "b.example.org"])
    #expect(table.list(of: alice, now: noon + hour).map(\.domain) == ["b.example.org"])
    #expect(table.list(of: "nobody", now: noon).isEmpty)
  }

  @Test func whatExpiredIsPurgedAndReturned() throws {
    var table = AnnouncementTable()
    _ = try table.announce("b.example.org", until: noon + hour)
    _ = try table.announce("a.example.org", until: noon + hour)
    _ = try table.announce("c.example.org", until: noon + 2 * hour)
    #expect(table.purgeExpired(now: noon).isEmpty)
    #expect(table.purgeExpired(now: noon + hour).map(\.domain) == ["a.example.org", "b.example.org"])
    #expect(table.purgeExpired(now: noon + hour).isEmpty)
    #expect(table.count == 1)
  }

  @Test func whatLostItsRightIsRemovedAndReturned() throws {
    var table = AnnouncementTable()
    _ = try table.announce("a.example.org")
    _ = try table.announce("b.example.org", by: bob)
    #expect(table.removeAll { $0.owner == alice }.map(\.domain) == ["a.example.org"])
    #expect(table.list(now: noon).map(\.domain) == ["b.example.org"])
  }

  @Test func storedAnnouncementsAreRestoredAndTheUselessOnesReturned() throws {
    var table = AnnouncementTable()
    let good = held("a.example.org", by: alice, until: noon + hour)
    let expired = held("b.example.org", by: alice, until: noon)
    let bad = held("B.example.org.", by: alice)
    let second = held("a.example.org", by: bob)
    #expect(table.restore([good, expired, bad, second], now: noon) == [expired, bad, second])
    #expect(table.list(now: noon) == [good])
    #expect(try table.announce("a.example.org", until: noon + hour) == .unchanged)
    #expect(try table.announce("a.example.org", by: bob).refusal?.code == 409)
  }

  @Test(.timeLimit(.minutes(1)))
  func aLookupDoesNotDependOnTheNumberOfNames() throws {
    var table = AnnouncementTable(maximumPerOwner: .max)
    _ = table.restore((0..<100_000).map { held("n\($0).example.org", by: alice) }, now: noon)
    for number in 0..<100_000 { #expect(table.lookup("n\(number).example.org", now: noon) != nil) }
  }
}
