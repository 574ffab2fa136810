import Announcements
import FoundationEssentials
import HyperModel
import Testing

@Suite struct OutgoingAnnouncementsTests {
  private let publicProxy: OperatorName = "public-proxy-1"
  private let otherProxy: OperatorName = "public-proxy-2"
  private var outgoing = OutgoingAnnouncements(ownName: "private-proxy-1")

  private func item(
    _ domain: String, to proxy: OperatorName = "public-proxy-1", until expiresAt: Date? = nil, endpoints: [String] = []
  ) -> OutgoingAnnouncement {
    OutgoingAnnouncement(domain: domain, proxy: proxy, expiresAt: expiresAt, allowedEndpoints: endpoints)
  }

  private mutating func announce(_ item: OutgoingAnnouncement, now: Date = noon) throws -> OutgoingOutcome {
    outgoing.announce(item, allowed: try allowing(".example.org"), now: now)
  }

  @Test mutating func aNameIsKeptPerProxy() throws {
    #expect(try announce(item("A.example.org")) == .created(item("a.example.org")))
    #expect(try announce(item("a.example.org", to: otherProxy)) == .created(item("a.example.org", to: otherProxy)))
    #expect(try announce(item("a.example.org")) == .unchanged)
    #expect(try announce(item("a.example.org", until: noon + hour)) == .renewed(item("a.example.org", until: noon + hour)))
    #expect(
      try announce(item("a.example.org", until: noon + hour, endpoints: ["h:9999"]))
        == .renewed(item("a.example.org", until: noon + hour, endpoints: ["h:9999"])))
    #expect(outgoing.list(now: noon).map(\.proxy) == [publicProxy, otherProxy])
    #expect(outgoing.list(now: noon + hour).map(\.proxy) == [otherProxy])
  }

  @Test mutating func whatWasAnnouncedByCallIsGivenUpAndWhatTheSettingsSayIsNot() throws {
    _ = try announce(item("a.example.org"))
    _ = outgoing.replaceStatic([item("b.example.org")], now: noon)
    let allowed = try allowing(".example.org")
    #expect(outgoing.withdraw("A.example.org", at: otherProxy, allowed: allowed) == .unchanged)
    #expect(outgoing.withdraw("A.example.org", at: publicProxy, allowed: allowed) == .withdrawn(item("a.example.org")))
    #expect(outgoing.withdraw("a.example.org", at: publicProxy, allowed: allowed) == .unchanged)
    #expect(outgoing.withdraw("b.example.org", at: publicProxy, allowed: allowed).refusal == .inSettings(domain: "b.example.org"))
    #expect(outgoing.withdraw("b.example.com", at: publicProxy, allowed: allowed).refusal?.code == 403)
    #expect(outgoing.withdraw("b..org", at: publicProxy, allowed: allowed).refusal?.code == 400)
    #expect(outgoing.list(now: noon) == [item("b.example.org")])
  }

  @Test mutating func refusalsSayWhatIsWrong() throws {
    #expect(try announce(item("a.example.org", to: "private-proxy-1")).refusal?.fault.code == 400)
    #expect(try announce(item("a..example.org")).refusal?.fault.code == 400)
    #expect(try announce(item("a.example.org", until: noon + 8 * day)).refusal == .expiryTooFar(domain: "a.example.org"))
    let refusal = try announce(item("a.example.com")).refusal
    #expect(refusal?.fault.code == 403)
    #expect(refusal?.fault.data == [".example.org"])
    #expect(outgoing.list(now: noon).isEmpty)
  }

  @Test mutating func anExpiryInThePastWithdraws() throws {
    #expect(try announce(item("a.example.org", until: noon)) == .unchanged)
    _ = try announce(item("a.example.org"))
    #expect(try announce(item("a.example.org", until: noon)) == .withdrawn(item("a.example.org", until: noon)))
    #expect(outgoing.list(now: noon - day).isEmpty)
  }

  @Test mutating func theNumberOfNamesIsBounded() throws {
    outgoing = OutgoingAnnouncements(ownName: "private-proxy-1", maximum: 1)
    #expect(try announce(item("a.example.org")).refusal == nil)
    #expect(try announce(item("b.example.org")).refusal == .tooMany(limit: 1))
    #expect(outgoing.replaceStatic([item("c.example.org")], now: noon).map(\.refusal) == [.tooMany(limit: 1)])
    #expect(try announce(item("a.example.org", until: noon + hour)).refusal == nil)
  }

  @Test mutating func aPublicProxyMayAskOnlyForWhatIsAnnouncedToIt() throws {
    _ = try announce(item("a.example.org", until: noon + hour, endpoints: ["h:9999"]))
    #expect(outgoing.matches(domain: "A.Example.org", proxy: publicProxy, now: noon)?.allowedEndpoints == ["h:9999"])
    #expect(outgoing.matches(domain: "a.example.org", proxy: otherProxy, now: noon) == nil)
    #expect(outgoing.matches(domain: "b.example.org", proxy: publicProxy, now: noon) == nil)
    #expect(outgoing.matches(domain: "a.example.org", proxy: publicProxy, now: noon + hour) == nil)
  }

  @Test mutating func whatHoldsIsGroupedByProxy() throws {
    for name in ["b", "a"] { _ = try announce(item("\(name).example.org")) }
    _ = try announce(item("c.example.org", to: otherProxy))
    _ = try announce(item("d.example.org", to: "public-proxy-3", until: noon + hour))
    let groups = outgoing.groupedByProxy(now: noon + hour)
    #expect(Set(groups.keys) == [publicProxy, otherProxy])
    #expect(groups[publicProxy]?.map(\.domain) == ["a.example.org", "b.example.org"])
  }

  @Test mutating func staticOnesNeedNoPermissionAndAreReplacedTogether() throws {
    let refused = outgoing.replaceStatic(
      [item("A.elsewhere.net"), item("bad..name"), item("a.example.org", to: "private-proxy-1"), item("b.elsewhere.net")], now: noon)
    #expect(refused.map(\.refusal.code) == [400, 400])
    #expect(outgoing.staticAnnouncements(now: noon).map(\.domain) == ["a.elsewhere.net", "b.elsewhere.net"])
    _ = try announce(item("dynamic.example.org"))
    #expect(outgoing.replaceStatic([item("c.elsewhere.net")], now: noon).isEmpty)
    #expect(outgoing.list(now: noon).map(\.domain) == ["c.elsewhere.net", "dynamic.example.org"])
    #expect(outgoing.staticAnnouncements(now: noon).map(\.domain) == ["c.elsewhere.net"])
  }

  @Test mutating func theSettingsHaveTheLastWordUntilTheyExpire() throws {
    _ = outgoing.replaceStatic([item("a.example.org", until: noon + hour)], now: noon)
    #expect(try announce(item("a.example.org")) == .unchanged)
    #expect(try announce(item("a.example.org", until: noon - 1)) == .unchanged)
    #expect(outgoing.purgeExpired(now: noon + hour).isEmpty)
    #expect(outgoing.staticAnnouncements(now: noon + hour).isEmpty)
    #expect(try announce(item("a.example.org"), now: noon + hour) == .renewed(item("a.example.org")))
    #expect(outgoing.matches(domain: "a.example.org", proxy: publicProxy, now: noon + hour) != nil)
  }

  @Test mutating func storedOnesAreRestoredAndTheUselessOnesReturned() throws {
    _ = outgoing.replaceStatic([item("static.example.org")], now: noon)
    let good = item("a.example.org", until: noon + hour, endpoints: ["h:1"])
    let useless = [
      item("b.example.org", until: noon), item("Upper.example.org"), item("static.example.org"),
      item("c.example.org", to: "private-proxy-1"),
    ]
    #expect(outgoing.restore([good] + useless, now: noon) == useless)
    #expect(outgoing.list(now: noon) == [good, item("static.example.org")])
    #expect(outgoing.purgeExpired(now: noon).isEmpty)
    #expect(outgoing.purgeExpired(now: noon + hour) == [good])
  }
}
