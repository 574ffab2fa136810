import Announcements
import FoundationEssentials
import HyperModel
import Testing

/// Settings and announcements together: every lookup has one of five outcomes.
@Suite struct RouteTableTests {
  private let h2: [UInt8] = Array("h2".utf8)
  private let acme: [UInt8] = Array("acme-tls/1".utf8)

  private func route(_ domain: String, _ alpn: [String] = [], to address: String = "127.0.0.1:1") -> StaticRoute {
    StaticRoute(domain: domain, alpn: alpn, address: address)
  }

  private func table(_ routes: StaticRoute..., fallback: String? = nil) throws -> RouteTable {
    RouteTable(routes: try StaticRoutes(routes, fallback: fallback))
  }

  /// With permission for everything below `.example.org`, and these names by themselves.
  private func announce(
    _ domain: String, by owner: OperatorName = alice, names: [String] = [], until expiresAt: Date? = nil, in table: inout RouteTable
  ) throws -> AnnouncementRefusal? {
    let allowed = try AllowedDomains([".example.org"], names: names)
    return table.announce([AnnouncementRequest(domain: domain, expiresAt: expiresAt)], by: owner, allowed: allowed, now: noon).outcomes[0]
      .refusal
  }

  @Test func anEmptyTableKnowsNobody() {
    #expect(RouteTable().lookup("a.example.org", now: noon) == .unknown)
    #expect(RouteTable().lookup("", now: noon) == .unknown)
  }

  @Test func aStaticRouteIsFoundByNameAndByWildcard() throws {
    let table = try table(route("WWW.example.org", to: "a:1"), route("*.Example.org", to: "b:2"))
    #expect(table.lookup("www.EXAMPLE.org", now: noon) == .route(route("www.example.org", to: "a:1")))
    #expect(table.lookup("other.example.org", now: noon) == .route(route("*.example.org", to: "b:2")))
    #expect(table.lookup("_dmarc.example.org", now: noon) == .route(route("*.example.org", to: "b:2")))
    for name in ["example.org", "a.b.example.org", "*.example.org"] { #expect(table.lookup(name, now: noon) == .unknown) }
  }

  @Test func theProtocolChoosesAmongTheRoutesOfADomain() throws {
    let table = try table(
      route("a.example.org", to: "rest:1"), route("a.example.org", ["acme-tls/1"], to: "acme:1"),
      route("a.example.org", ["h2", "h3"], to: "h2:1"))
    func address(_ alpn: [[UInt8]]) -> String? {
      guard case .route(let route) = table.lookup("a.example.org", alpn: alpn, now: noon) else { return nil }
      return route.address
    }
    #expect(address([]) == "rest:1")
    #expect(address([[1, 2]]) == "rest:1")
    #expect(address([acme]) == "acme:1")
    #expect(address([[0x0A, 0x0A], h2]) == "h2:1")
    // The settings' order decides, not the client's.
    #expect(address([h2, acme]) == "acme:1")
    #expect(address([Array("H2".utf8)]) == "rest:1")
  }

  @Test func aNameOfTheSettingsWithoutARouteForTheProtocolGoesNowhereElse() throws {
    var table = try table(route("a.example.org", ["acme-tls/1"]), route("*.example.org", to: "b:1"), fallback: "c:1")
    #expect(try announce("*.example.org", in: &table)?.code == 409)
    #expect(table.lookup("a.example.org", alpn: [h2], now: noon) == .noProtocol(domain: "a.example.org"))
    #expect(table.lookup("a.example.org", now: noon) == .noProtocol(domain: "a.example.org"))
    #expect(table.lookup("a.example.org", alpn: [acme], now: noon) == .route(route("a.example.org", ["acme-tls/1"])))
  }

  @Test func theProtocolNeverMovesAnAnnouncedName() throws {
    var table = try table(route("*.example.org", ["acme-tls/1"]), route("x.example.net", ["acme-tls/1"]), fallback: "c:1")
    #expect(try announce("a.example.org", names: ["a.example.org"], in: &table) == nil)
    let expected = RouteOutcome.announced(held("a.example.org", by: alice))
    for alpn in [[], [acme], [h2, acme]] { #expect(table.lookup("a.example.org", alpn: alpn, now: noon) == expected) }
  }

  @Test func theFallbackIsForUnknownNamesOnly() throws {
    var table = try table(route("a.example.org", ["h2"]), fallback: "c:1")
    #expect(try announce("b.example.org", until: noon + hour, in: &table) == nil)
    #expect(try announce("*.w.example.org", in: &table) == nil)
    #expect(table.lookup("nobody.example.net", now: noon) == .fallback(address: "c:1"))
    #expect(table.lookup("a.example.org", now: noon) == .noProtocol(domain: "a.example.org"))
    let exact = held("b.example.org", by: alice, until: noon + hour)
    #expect(table.lookup("b.example.org", now: noon) == .announced(exact))
    #expect(table.lookup("x.w.example.org", now: noon) == .announced(held("*.w.example.org", by: alice)))
    #expect(table.lookup("*.w.example.org", now: noon) == .unknown)
  }

  @Test func whatHasExpiredIsGoneWhetherItIsPurgedOrNot() throws {
    var table = try table(fallback: "c:1")
    _ = try announce("b.example.org", until: noon + hour, in: &table)
    #expect(table.lookup("b.example.org", now: noon + hour) == .fallback(address: "c:1"))
    #expect(table.updateAnnouncements { $0.purgeExpired(now: noon + hour) }.count == 1)
    #expect(table.lookup("b.example.org", now: noon + hour) == .fallback(address: "c:1"))
  }

  @Test func anAnnouncedNameGoesBeforeAWildcardOfTheSettings() throws {
    var table = try table(route("*.example.org"))
    #expect(try announce("a.example.org", names: ["a.example.org"], in: &table) == nil)
    #expect(table.lookup("a.example.org", now: noon) == .announced(held("a.example.org", by: alice)))
    #expect(table.lookup("b.example.org", now: noon) == .route(route("*.example.org")))
  }

  @Test func namesOfTheSettingsCannotBeAnnounced() throws {
    var table = try table(route("a.example.org", ["h2"]), route("*.w.example.org"))
    for name in ["a.example.org", "A.Example.org", "*.w.example.org"] {
      let refusal = try announce(name, names: [name], in: &table)
      #expect(refusal == .staticRoute(domain: name.lowercased()))
      #expect(refusal?.code == 409)
      #expect(refusal?.description.contains("routed by this proxy") == true)
    }
    let refusal = try announce("x.w.example.org", in: &table)
    #expect(refusal == .underWildcard(domain: "x.w.example.org", wildcard: "*.w.example.org", owner: nil))
    #expect(refusal?.code == 409)
    #expect(try announce("x.w.example.org", names: ["x.w.example.org"], in: &table) == nil)
    #expect(try announce("w.example.org", in: &table) == nil)
    #expect(try announce("y.x.w.example.org", in: &table) == nil)
  }

  @Test func newRoutesDisplaceTheAnnouncementsOfTheirNamesOnly() throws {
    var table = RouteTable()
    for name in ["a.example.org", "b.example.org", "*.w.example.org", "x.w.example.org"] { _ = try announce(name, in: &table) }
    let routes = try StaticRoutes([route("a.example.org"), route("*.w.example.org"), route("*.example.org")])
    #expect(table.replaceRoutes(routes).map(\.domain) == ["*.w.example.org", "a.example.org"])
    #expect(table.lookup("a.example.org", now: noon) == .route(route("a.example.org")))
    #expect(table.lookup("b.example.org", now: noon) == .announced(held("b.example.org", by: alice)))
    #expect(table.lookup("x.w.example.org", now: noon) == .announced(held("x.w.example.org", by: alice)))
    // Who was there first renews.
    #expect(try announce("b.example.org", until: noon + hour, in: &table) == nil)
    #expect(table.replaceRoutes(.none).isEmpty)
    #expect(table.lookup("a.example.org", now: noon) == .unknown)
  }

  /// All combinations of who has the name and who has its wildcard.
  @Test(arguments: [nil, "static", "announced"], [nil, "static", "announced"])
  func theMostSpecificDecides(exact: String?, wildcard: String?) throws {
    for fallback in [nil, "c:1"] {
      var routes: [StaticRoute] = []
      if exact == "static" { routes.append(route("a.example.org")) }
      if wildcard == "static" { routes.append(route("*.example.org")) }
      var table = RouteTable(routes: try StaticRoutes(routes, fallback: fallback))
      if wildcard == "announced" { #expect(try announce("*.example.org", by: alice, in: &table) == nil) }
      if exact == "announced" { #expect(try announce("a.example.org", by: bob, names: ["a.example.org"], in: &table) == nil) }
      let expected: RouteOutcome =
        switch (exact, wildcard) {
        case ("static", _): .route(route("a.example.org"))
        case ("announced", _): .announced(held("a.example.org", by: bob))
        case (_, "static"): .route(route("*.example.org"))
        case (_, "announced"): .announced(held("*.example.org", by: alice))
        default: fallback.map { .fallback(address: $0) } ?? .unknown
        }
      #expect(table.lookup("a.example.org", now: noon) == expected)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func aLookupDoesNotDependOnTheNumberOfNames() throws {
    var table = try table(route("*.w.example.org"))
    let names = (0..<50_000).map { held("n\($0).example.org", by: alice) }
    _ = table.updateAnnouncements { $0.restore(names, now: noon) }
    for number in 0..<50_000 { #expect(table.lookup("n\(number).w.example.org", now: noon) == .route(route("*.w.example.org"))) }
  }
}
