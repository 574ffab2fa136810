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

  @Test func aProtocolIsOneTo255Bytes() throws {
    for id in ["", String(repeating: "x", count: 256)] {
      #expect(try problem(with: [StaticRoute(domain: "a.example", alpn: [id], address: "1:1")]).index == 0)
    }
    #expect(throws: Never.self) {
      try StaticRoutes([StaticRoute(domain: "a.example", alpn: [String(repeating: "x", count: 255)], address: "1:1")])
    }
  }
}
