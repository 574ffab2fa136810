import Announcements
import Foundation
import HyperModel

/// Lookups of names that are announced, covered by a wildcard, and unknown, in a small and in a large table.
func lookupFigures() throws -> [Figure] {
  let few = try lookups(among: 1000)
  let many = try lookups(among: 1_000_000)
  return [
    Figure(name: "lookup among 1000 names, slowest kind", value: few.nanoseconds, unit: "ns"),
    // About 1 µs is wanted; twice that says that something is wrong and not the machine slow.
    Figure(name: "lookup among 1 000 000 names, slowest kind", value: many.nanoseconds, unit: "ns", limit: 2000),
    Figure(name: "memory per name, of 1 000 000", value: many.bytesPerName, unit: "bytes", limit: 300),
  ]
}

private func lookups(among count: Int) throws -> (nanoseconds: Double, bytesPerName: Double) {
  let now = Date()
  let routes = try StaticRoutes([StaticRoute(domain: "*.static.example.org", address: "127.0.0.1:1")], fallback: "127.0.0.1:2")
  let before = try residentBytes()
  var table = RouteTable(routes: routes, announcements: AnnouncementTable(maximumPerOwner: .max))
  announce(count, in: &table, now: now)
  let bytesPerName = Double(try residentBytes() - before) / Double(count)

  let alpn: [[UInt8]] = [Array("h2".utf8), Array("http/1.1".utf8)]
  let asked = 100_000
  var slowest = 0.0
  for domain in ["customer.example.org", "wild.example.org", "nobody.example.net"] {
    // In another order than announced, so that the caches help as little as they do in life.
    let names = (0..<asked).map { "service-\(($0 &* 7919) % count).\(domain)" }
    var found = 0
    let took = measure {
      found = names.count { if case .announced = table.lookup($0, alpn: alpn, now: now) { true } else { false } }
    }
    precondition(found == (domain.hasPrefix("nobody") ? 0 : asked), "a lookup went wrong")
    slowest = max(slowest, took / Double(asked))
  }
  return (slowest, bytesPerName)
}

private func announce(_ count: Int, in table: inout RouteTable, now: Date) {
  let wildcard = Announcement(domain: "*.wild.example.org", owner: "somebody")
  let names = (0..<count).map { number in
    Announcement(domain: "service-\(number).customer.example.org", owner: "some-operator", expiresAt: now + 3600)
  }
  let leftOut = table.updateAnnouncements { $0.restore([wildcard] + names, now: now) }
  precondition(leftOut.isEmpty, "a name was not accepted")
}
