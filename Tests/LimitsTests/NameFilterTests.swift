import Limits
import Testing

@Suite struct NameFilterTests {
  private static let names = [
    "www.example.org", "*.example.net", "a.bc", "a-very-long-name-that-does-not-fit-into-a-small-string.example.org",
  ]
  private let filter = NameFilter(names, key: 77)

  @Test(arguments: names.filter { !$0.hasPrefix("*") } + ["x.example.net", "another-long-label-before-the-wildcard.example.net"])
  func whatItHasIsNeverDenied(name: String) {
    #expect(filter.mayContain(name))
  }

  @Test(arguments: [
    "example.org", "ww.example.org", "www.example.or", "example.net", "x.y.example.net", "*.example.net", ".example.net", "", ".", "a.b",
    "b.bc",
    "a-very-long-name-that-does-not-fit-into-a-small-string.example.orh",
  ])
  func whatItDoesNotHaveIsDenied(name: String) {
    // One label before the wildcard's domain is covered, an empty one as well: the look-up that follows knows better.
    #expect(filter.mayContain(name) == [".example.net", "*.example.net"].contains(name))
  }

  @Test func anEmptyOneHasNothing() {
    let empty = NameFilter([], key: 1)
    #expect(!empty.mayContain("www.example.org"))
    #expect(!empty.mayContain(""))
  }

  @Test func manyNamesAreAllFoundAndHardlyAnyOther() {
    let filter = NameFilter((0..<5000).map { "host-\($0).example.org" }, key: .random(in: .min ... .max))
    #expect((0..<5000).allSatisfy { filter.mayContain("host-\($0).example.org") })
    #expect(!(5000..<10_000).contains { filter.mayContain("host-\($0).example.org") })
  }

  @Test func aHashDependsOnEveryByteAndOnTheKey() {
    let hash = NameHash(5)
    let name = "www.example.org-and-more"
    var seen = Set([hash.hash(name), NameHash(6).hash(name), hash.hash(name + "\u{0}"), hash.hash("")])
    for position in name.indices {
      var other = name
      other.replaceSubrange(position...position, with: "~")
      seen.insert(hash.hash(other))
    }
    #expect(seen.count == 4 + name.count)
  }
}
