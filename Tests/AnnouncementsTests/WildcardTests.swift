import Announcements
import FoundationEssentials
import HyperModel
import Testing

/// Wildcards in the table of announcements: what they cover, and whose the names below them are.
@Suite struct WildcardTests {
  /// Suffix permission for `.example.org`, and these names by themselves.
  private func announce(
    _ domain: String, by owner: OperatorName, names: [String] = [], until expiresAt: Date? = nil, now: Date = noon,
    in table: inout AnnouncementTable
  ) throws -> AnnouncementOutcome {
    let allowed = try AllowedDomains([".example.org"], names: names)
    return table.announce([AnnouncementRequest(domain: domain, expiresAt: expiresAt)], by: owner, allowed: allowed, now: now).outcomes[0]
  }

  @Test func aWildcardCoversExactlyOneLabel() throws {
    var table = AnnouncementTable()
    let wildcard = held("*.example.org", by: alice)
    #expect(try table.announce("*.EXAMPLE.org") == .created(wildcard))
    for name in ["a.example.org", "A.Example.ORG", "_acme-challenge.example.org", "xn--bcher-kva.example.org"] {
      #expect(table.lookup(name, now: noon) == wildcard, "\(name)")
    }
    for name in ["example.org", "b.a.example.org", "aexample.org", "a.example.com", "org", "", ".example.org.", "*.example.org", "*"] {
      #expect(table.lookup(name, now: noon) == nil, "\(name)")
    }
  }

  @Test func theNameGoesBeforeTheWildcard() throws {
    var table = AnnouncementTable()
    _ = try table.announce("*.example.org")
    _ = try table.announce("a.example.org", until: noon + hour)
    #expect(table.lookup("a.example.org", now: noon)?.domain == "a.example.org")
    #expect(table.lookup("b.example.org", now: noon)?.domain == "*.example.org")
    // Expired is gone, purged or not.
    #expect(table.lookup("a.example.org", now: noon + hour)?.domain == "*.example.org")
    _ = table.purgeExpired(now: noon + hour)
    #expect(table.lookup("a.example.org", now: noon + hour)?.domain == "*.example.org")
  }

  @Test func aDeeperWildcardIsAnotherMatter() throws {
    var table = AnnouncementTable()
    _ = try table.announce("*.example.org", by: alice)
    #expect(try table.announce("*.a.example.org", by: bob).refusal == nil)
    #expect(table.lookup("a.example.org", now: noon)?.owner == alice)
    #expect(table.lookup("b.a.example.org", now: noon)?.owner == bob)
    #expect(table.lookup("c.b.a.example.org", now: noon) == nil)
  }

  @Test func aWildcardHeldByAnotherIsRefusedAlsoToWhoMayHaveIt() throws {
    var table = AnnouncementTable()
    _ = try table.announce("*.example.org", until: noon + hour)
    for names in [[], ["*.example.org"]] {
      let refusal = try #require(try announce("*.example.org", by: bob, names: names, in: &table).refusal)
      #expect(refusal == .heldByAnother(domain: "*.example.org", owner: alice))
      #expect(refusal.code == 409)
    }
    #expect(try announce("*.example.org", by: bob, now: noon + hour, in: &table).refusal == nil)
  }

  @Test func aNameBelowAWildcardOfAnotherTakesAnExactEntry() throws {
    var table = AnnouncementTable()
    _ = try table.announce("*.example.org", until: noon + hour)
    let refusal = try #require(try announce("a.example.org", by: bob, in: &table).refusal)
    #expect(refusal == .underWildcard(domain: "a.example.org", wildcard: "*.example.org", owner: alice))
    #expect(refusal.code == 409)
    #expect(refusal.description.contains("allowed_names"))
    #expect(!refusal.description.contains("alice"))
    #expect(table.lookup("a.example.org", now: noon)?.owner == alice)
    // An entry for another name, or for the wildcard, is none for this one.
    for names in [["b.example.org"], ["*.example.org"]] {
      #expect(try announce("a.example.org", by: bob, names: names, in: &table).refusal?.code == 409)
    }
    let exact = held("a.example.org", by: bob)
    #expect(try announce("A.example.org", by: bob, names: ["a.EXAMPLE.org"], in: &table) == .created(exact))
    #expect(table.lookup("a.example.org", now: noon) == exact)
    #expect(table.lookup("b.example.org", now: noon)?.owner == alice)
    // The holder of the wildcard does not get it back while it is held.
    #expect(try announce("a.example.org", by: alice, in: &table).refusal == .heldByAnother(domain: "a.example.org", owner: bob))
  }

  @Test func theOwnWildcardStandsInNobodysWay() throws {
    var table = AnnouncementTable()
    _ = try table.announce("*.example.org")
    #expect(try table.announce("a.example.org").refusal == nil)
  }

  @Test func anExpiredOrWithdrawnWildcardStandsInNobodysWay() throws {
    var table = AnnouncementTable()
    _ = try table.announce("*.example.org", until: noon + hour)
    #expect(try table.announce("a.example.org", by: bob, now: noon + hour).refusal == nil)
    _ = try table.announce("*.example.org", until: noon + 2 * hour, now: noon + hour)
    _ = try table.announce("*.example.org", until: noon + hour, now: noon + hour)
    #expect(try table.announce("b.example.org", by: bob, now: noon + hour).refusal == nil)
  }

  @Test func aNameThatWasThereBeforeTheWildcardIsRenewedAndGivenUpByItsOwner() throws {
    var table = AnnouncementTable()
    _ = try table.announce("a.example.org", until: noon + hour, by: bob)
    #expect(try table.announce("*.example.org", by: alice).refusal == nil)
    #expect(table.lookup("a.example.org", now: noon)?.owner == bob)
    #expect(try table.announce("a.example.org", until: noon + 2 * hour, by: bob).refusal == nil)
    #expect(try table.announce("a.example.org", until: noon, by: bob).refusal == nil)
    // Given up is given up: now it takes an exact entry.
    #expect(try table.announce("a.example.org", by: bob).refusal?.code == 409)
    #expect(table.lookup("a.example.org", now: noon)?.owner == alice)
  }

  @Test func aNameThatExpiredBelowAWildcardIsANewClaim() throws {
    var table = AnnouncementTable()
    _ = try table.announce("a.example.org", until: noon + hour, by: bob)
    _ = try table.announce("*.example.org", by: alice)
    #expect(try table.announce("a.example.org", by: bob, now: noon + hour).refusal?.code == 409)
  }

  @Test func aWildcardNeedsPermission() throws {
    var table = AnnouncementTable()
    for wildcard in ["*.example.com", "*.org", "*.aexample.org"] {
      #expect(try table.announce(wildcard).refusal == .notAllowed(domain: wildcard, allowed: [".example.org"]))
    }
    #expect(try table.announce("*.a.b.example.org").refusal == nil)
    let apex = try AllowedDomains([], names: ["example.net", "*.example.net"])
    let requests = ["example.net", "*.example.net", "a.example.net", "*.a.example.net"].map { AnnouncementRequest(domain: $0) }
    #expect(table.announce(requests, by: bob, allowed: apex, now: noon).outcomes.map { $0.refusal?.code } == [nil, nil, 403, 403])
  }

  @Test func wildcardsAreListedPurgedAndRestoredLikeNames() throws {
    var table = AnnouncementTable(maximumPerOwner: 1)
    _ = try table.announce("*.example.org", until: noon + hour)
    #expect(try table.announce("a.example.org").refusal == .tooMany(limit: 1))
    let listed = table.list(now: noon)
    #expect(listed.map(\.domain) == ["*.example.org"])
    #expect(table.purgeExpired(now: noon + hour) == listed)
    #expect(table.lookup("a.example.org", now: noon) == nil)
    // A name below a wildcard of another is restored: it was accepted when it was announced.
    let below = held("a.example.org", by: bob)
    #expect(table.restore(listed + [below], now: noon).isEmpty)
    #expect(table.lookup("a.example.org", now: noon) == below)
    #expect(table.lookup("b.example.org", now: noon) == listed[0])
    #expect(table.restore([held("a.*.example.org", by: bob)], now: noon).count == 1)
    #expect(table.removeAll { $0.owner == alice } == listed)
    #expect(table.lookup("b.example.org", now: noon) == nil)
  }

  @Test func thePrivateSideFindsTheAnnouncementOfAWildcard() throws {
    var table = OutgoingAnnouncements(ownName: "own")
    let wildcard = OutgoingAnnouncement(domain: "*.example.org", proxy: bob, allowedEndpoints: ["127.0.0.1:1"])
    let exact = OutgoingAnnouncement(domain: "a.example.org", proxy: bob, expiresAt: noon + hour)
    #expect(table.announce(wildcard, allowed: try allowing(".example.org"), now: noon) == .created(wildcard))
    #expect(table.replaceStatic([exact], now: noon).isEmpty)
    #expect(table.matches(domain: "a.example.org", proxy: bob, now: noon) == exact)
    #expect(table.matches(domain: "a.example.org", proxy: bob, now: noon + hour) == wildcard)
    #expect(table.matches(domain: "B.example.org", proxy: bob, now: noon) == wildcard)
    for name in ["example.org", "b.a.example.org", "*.example.org"] { #expect(table.matches(domain: name, proxy: bob, now: noon) == nil) }
    #expect(table.matches(domain: "b.example.org", proxy: alice, now: noon) == nil)
    var restored = OutgoingAnnouncements(ownName: "own")
    #expect(restored.restore([wildcard], now: noon).isEmpty)
    #expect(restored.matches(domain: "b.example.org", proxy: bob, now: noon) == wildcard)
  }
}
