import GRPCCore
import HyperModel
import Testing

@testable import HyperGRPC

@Suite struct UpkeepTests {
  private static let address = PeerAddress(host: "p.example", port: 5556)

  private func upkeep(own: DirectoryEntry, _ peers: DirectoryEntry...) -> Upkeep {
    let entries = Dictionary(([own] + peers).map { ($0.name, $0) }) { _, last in last }
    return Upkeep(ownName: "own", directory: DirectorySnapshot(version: 1, entries: entries))
  }

  private let peer = DirectoryEntry.test("p", groups: ["providers"], channels: [.server("p.example:5556"), .client])

  @Test func aPeerThatMayCallUsIsKept() {
    let found = upkeep(own: .test("own", channels: [.client], callers: "providers"), peer)
    #expect(found.targets == ["p": .init(address: Self.address, isKept: true)])
  }

  @Test func theGroupOfEverybodyCounts() {
    #expect(upkeep(own: .test("own", callers: "*"), peer).targets["p"]?.isKept == true)
  }

  @Test func permissionsOfMethodsCountToo() {
    var own = DirectoryEntry.test("own")
    own.services = [.init(name: "s", methods: [.init(name: "m", permissions: [.init(group: "providers", rights: ["call"])])])]
    #expect(upkeep(own: own, peer).targets["p"]?.isKept == true)
  }

  @Test func aPeerThatMayNotCallUsIsOnlyDialledOnDemand() {
    #expect(upkeep(own: .test("own", callers: "others"), peer).targets == ["p": .init(address: Self.address, isKept: false)])
  }

  @Test func aPeerThatCanDialUsIsOnlyDialledOnDemand() {
    let dialable = DirectoryEntry.test("own", channels: [.server("own:1")], callers: "providers")
    #expect(upkeep(own: dialable, peer).targets["p"]?.isKept == false)
    let hidden = DirectoryEntry.test("own", channels: [.server("own:1", isInternal: true)], callers: "providers")
    #expect(upkeep(own: hidden, peer).targets["p"]?.isKept == true)
    let proxied = DirectoryEntry.test("own", channels: [.server("own:1", proxy: "x")], callers: "providers")
    #expect(upkeep(own: proxied, peer).targets["p"]?.isKept == true)
    let deaf = DirectoryEntry.test("p", groups: ["providers"], channels: [.server("p.example:5556")])
    #expect(upkeep(own: dialable, deaf).targets["p"]?.isKept == true)
  }

  @Test func internalAndProxiedPeersAreLeftOut() {
    let hidden = DirectoryEntry.test("p", groups: ["providers"], channels: [.server("p:1", isInternal: true)])
    let proxied = DirectoryEntry.test("q", groups: ["providers"], channels: [.server("q:1", proxy: "x")])
    let found = upkeep(own: .test("own", callers: "providers"), hidden, proxied)
    #expect(found.targets.isEmpty && found.problems.isEmpty)
  }

  @Test func aBadAddressAffectsOnlyItsEntry() {
    let broken = DirectoryEntry.test("b", groups: ["providers"], channels: [.server("nonsense")])
    let missing = DirectoryEntry.test("m", groups: ["providers"], channels: [.init(type: "grpc_server")])
    let found = upkeep(own: .test("own", callers: "providers"), broken, missing, peer)
    #expect(Set(found.targets.keys) == ["p"])
    #expect(found.problems["b"] == "the address of its grpc_server channel is \"nonsense\", not host:port")
    #expect(found.problems["m"] == "the address of its grpc_server channel is missing, not host:port")
  }

  @Test func withoutAnOwnEntryNobodyIsKept() {
    let found = Upkeep(ownName: "own", directory: DirectorySnapshot(version: 1, entries: ["p": peer]))
    #expect(found.targets["p"]?.isKept == false)
  }

  @Test(arguments: [
    ("localhost:4444", "localhost", 4444), ("[::1]:1", "::1", 1), (":5", "localhost", 5), ("10.0.0.1:65535", "10.0.0.1", 65535),
  ])
  func addressesAreHostAndPort(_ text: String, _ host: String, _ port: Int) {
    #expect(PeerAddress(parsing: text) == PeerAddress(host: host, port: port))
  }

  @Test(arguments: ["", "host", "host:", "host:0", "host:65536", "host:-1", "host:+1", "::1:80", "a b:1", "http://x:1", "host:1x"])
  func otherTextIsNoAddress(_ text: String) {
    #expect(PeerAddress(parsing: text) == nil)
  }
}

@Suite struct MetadataTests {
  @Test(arguments: [
    ("1S", Duration.seconds(1)), ("250m", .milliseconds(250)), ("3M", .seconds(180)), ("2H", .seconds(7200)), ("7u", .microseconds(7)),
    ("9n", .nanoseconds(9)),
  ])
  func timeoutsAreRead(_ text: String, _ duration: Duration) {
    #expect(GRPCTimeout.parse(text) == duration)
  }

  @Test(arguments: ["", "S", "1", "-1S", "1x", "123456789S", "1.5S"]) func malformedTimeoutsAreNone(_ text: String) {
    #expect(GRPCTimeout.parse(text) == nil)
  }

  @Test(arguments: [("64", 64), ("2", 2), ("100000", 1024), ("1", nil), ("0", nil), ("-3", nil), ("many", nil), ("", nil)])
  func offersOfConcurrencyAreRead(_ text: String, _ count: Int?) {
    #expect(ConcurrencyOffer.count(in: [ConcurrencyOffer.key: "\(text)"]) == count)
  }

  @Test func noOfferIsNone() {
    #expect(ConcurrencyOffer.count(in: [:]) == nil)
    #expect(ConcurrencyOffer.count(in: ConcurrencyOffer.metadata(8)) == 8)
  }
}
