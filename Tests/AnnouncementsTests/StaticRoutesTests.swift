import Announcements
import Testing

@Suite struct StaticRoutesTests {
  private func problem(with routes: [StaticRoute]) throws -> StaticRouteError {
    try #require(throws: StaticRouteError.self) { try StaticRoutes(routes) }
  }

  @Test func routesAreListedByDomainInTheOrderTheyAreTried() throws {
    let routes = try StaticRoutes([
      StaticRoute(domain: "b.example", address: "1:1"), StaticRoute(domain: "A.example", address: "2:1"),
      StaticRoute(domain: "a.example", alpn: ["h2"], address: "3:1"), StaticRoute(domain: "*.example", address: "4:1"),
      StaticRoute(domain: "a.example", alpn: ["x"], address: "5:1"),
    ])
    #expect(routes.list.map(\.address) == ["4:1", "3:1", "5:1", "2:1", "1:1"])
    #expect(routes.list.map(\.domain) == ["*.example", "a.example", "a.example", "a.example", "b.example"])
    #expect(StaticRoutes.none.list.isEmpty)
    #expect(StaticRoutes.none.fallback == nil)
  }

  @Test(arguments: ["", "*", "*.", "a.*.example", "*.*.example", "a*.example", "192.0.2.1", "a.example.", "bücher.example"])
  func aDomainThatIsNoneIsPointedAt(_ domain: String) throws {
    let error = try problem(with: [StaticRoute(domain: "a.example", address: "1:1"), StaticRoute(domain: domain, address: "1:1")])
    #expect(error.index == 1)
    #expect(!error.description.isEmpty)
  }

  @Test func twoRoutesForTheSameAreAnError() throws {
    let all = StaticRoute(domain: "a.example", address: "1:1")
    #expect(try problem(with: [all, StaticRoute(domain: "A.example", address: "2:1")]).index == 1)
    let h2 = StaticRoute(domain: "a.example", alpn: ["http/1.1", "h2"], address: "1:1")
    let error = try problem(with: [h2, all, StaticRoute(domain: "a.example", alpn: ["x", "h2"], address: "2:1")])
    #expect(error.index == 2)
    #expect(error.description.contains("\"h2\""))
    #expect(try problem(with: [StaticRoute(domain: "a.example", alpn: ["h2", "h2"], address: "1:1")]).index == 0)
    #expect(throws: Never.self) { try StaticRoutes([h2, all, StaticRoute(domain: "*.example", alpn: ["h2"], address: "1:1")]) }
  }

  @Test(arguments: [
    ("a.example", ["x"], "exact x"), ("a.example", ["y", "x"], "exact x"), ("A.Example", ["y"], "wildcard y"),
    ("a.example", ["z"], "wildcard"), ("a.example", [], "wildcard"), ("b.example", ["x"], "wildcard"), ("c.example", ["x"], "all of c"),
    ("c.b.example", ["x"], "fallback"), ("example", ["x"], "fallback"), ("other", [], "fallback"),
  ])
  func theMostSpecificThatFitsNameAndProtocolsIsChosen(name: String, alpn: [String], address: String) throws {
    let routes = [
      StaticRoute(domain: "*.example", address: "wildcard"), StaticRoute(domain: "a.example", alpn: ["x"], address: "exact x"),
      StaticRoute(domain: "*.example", alpn: ["y"], address: "wildcard y"), StaticRoute(domain: "c.example", address: "all of c"),
    ]
    let offered = alpn.map { Array($0.utf8) }
    let outcome = try StaticRoutes(routes, fallback: "fallback").mostSpecific(name, alpn: offered)
    if address == "fallback" {
      #expect(outcome == .fallback(address: address))
      #expect(try StaticRoutes(routes).mostSpecific(name, alpn: offered) == .unknown)
    } else {
      guard case .route(let route) = outcome else {
        Issue.record("\(outcome)")
        return
      }
      #expect(route.address == address)
    }
  }

  @Test func whereOnlyTheProtocolDoesNotFitThisIsSaid() throws {
    let routes = [StaticRoute(domain: "a.example", alpn: ["x"], address: "1:1"), StaticRoute(domain: "*.b", alpn: ["x"], address: "1:1")]
    #expect(try StaticRoutes(routes).mostSpecific("a.example", alpn: []) == .noProtocol(domain: "a.example"))
    #expect(try StaticRoutes(routes).mostSpecific("a.b", alpn: [[1]]) == .noProtocol(domain: "*.b"))
    #expect(try StaticRoutes(routes, fallback: "2:1").mostSpecific("a.example", alpn: []) == .fallback(address: "2:1"))
    #expect(try StaticRoutes(routes).mostSpecific("*.b", alpn: [Array("x".utf8)]) == .unknown)
  }

  @Test func aProtocolIsOneTo255Bytes() throws {
    for id in ["", String(repeating: "x", count: 256)] {
      #expect(try problem(with: [StaticRoute(domain: "a.example", alpn: [id], address: "1:1")]).index == 0)
    }
    #expect(throws: Never.self) {
      try StaticRoutes([StaticRoute(domain: "a.example", alpn: [String(repeating: "x", count: 255)], address: "1:1")])
    }
  }
}

extension StaticRoutesTests {
  @Test func onlyNamesWithOneRouteForAllProtocolsAreUnconditional() throws {
    let routes = try StaticRoutes(
      [
        StaticRoute(domain: "Plain.example", address: "1:1"), StaticRoute(domain: "*.example", address: "2:1"),
        StaticRoute(domain: "some.example", alpn: ["h2"], address: "3:1"),
        StaticRoute(domain: "both.example", address: "4:1"), StaticRoute(domain: "both.example", alpn: ["h2"], address: "5:1"),
      ], fallback: "6:1")
    #expect(routes.unconditional == ["plain.example": "1:1"])
  }

  @Test(
    arguments: [
      ("a.example", ["wildcard", "wildcard y", "exact x"]), ("c.example", ["all of c"]), ("b.example", ["wildcard", "wildcard y"]),
      ("*.example", ["wildcard", "wildcard y"]), ("d.other", ["fallback", "only h2"]), ("*.else", ["fallback"]),
    ] as [(String, Set<String>)])
  func destinationsAreWhereConnectionsOfANameCanGo(pattern: String, addresses: Set<String>) throws {
    let routes = [
      StaticRoute(domain: "*.example", address: "wildcard"), StaticRoute(domain: "a.example", alpn: ["x"], address: "exact x"),
      StaticRoute(domain: "*.example", alpn: ["y"], address: "wildcard y"), StaticRoute(domain: "c.example", address: "all of c"),
      StaticRoute(domain: "d.other", alpn: ["h2"], address: "only h2"),
    ]
    #expect(try StaticRoutes(routes, fallback: "fallback").destinations(of: pattern) == addresses)
    #expect(try StaticRoutes(routes).destinations(of: pattern) == addresses.subtracting(["fallback"]))
  }

  @Test func aWildcardWithoutRoutesOfItsOwnGoesWhereItsNamesGo() throws {
    let routes = ["a.example", "b.example", "c.b.example"].map { StaticRoute(domain: $0, address: $0) }
    #expect(try StaticRoutes(routes).destinations(of: "*.example") == ["a.example", "b.example"])
  }
}
