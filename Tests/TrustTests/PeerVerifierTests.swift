import Foundation
import HyperModel
import NIOSSL
import Synchronization
import Testing

@testable import Trust

struct PeerVerifierTests {
  private let root: CertificateAuthority
  private let intermediate: CertificateAuthority

  init() throws {
    root = try CertificateAuthority.makeRoot(commonName: "root")
    intermediate = try root.makeIntermediate(commonName: "intermediate")
  }

  private func chain(_ request: CertificateRequest, from issuer: CertificateAuthority? = nil) throws -> [NIOSSLCertificate] {
    try (issuer ?? intermediate).issue(request).credentials().chain
  }

  private func chain(_ name: String, _ dnsNames: [String]? = nil) throws -> [NIOSSLCertificate] {
    try chain(CertificateRequest(commonName: name, dnsNames: dnsNames))
  }

  private func verify(_ chain: [NIOSSLCertificate], as role: PeerRole, pins: Pins? = nil) async throws -> Result<VerifiedPeer, PeerRefusal>
  {
    await PeerVerifier(roots: try root.roots, pins: pins).verify(chain: chain, as: role)
  }

  private func refusal(_ result: Result<VerifiedPeer, PeerRefusal>) throws -> PeerRefusal {
    guard case .failure(let refusal) = result else { throw Accepted() }
    return refusal
  }

  private struct Accepted: Error {}

  @Test(arguments: [PeerRole.client, .server(expectedName: "op-1")])
  func aCertificateUnderTheRootIsAcceptedWithAllItsNames(role: PeerRole) async throws {
    let chain = try chain("op-1", ["op-1", "*.op-1.local"])
    let peer = try await verify(chain, as: role).get()
    #expect(peer.names == ["op-1", "*.op-1.local"])
    #expect(peer.fingerprint == (try Fingerprint(of: chain[0]).hex))
    #expect(peer.chain.count == 3)
    #expect(peer.chain.last == (try root.roots[0]))
  }

  @Test func rsaCertificatesAreAcceptedToo() async throws {
    let chain = try chain(CertificateRequest(commonName: "op-1", key: .rsa2048))
    _ = try await verify(chain, as: .server(expectedName: "op-1")).get()
  }

  @Test func noCertificateIsRefused() async throws {
    #expect(try refusal(await verify([], as: .client)).kind == .noCertificate)
  }

  @Test func anotherAuthorityOfTheSameNameIsRefused() async throws {
    let foreign = try CertificateAuthority.makeRoot(commonName: "root").makeIntermediate(commonName: "intermediate")
    let refusal = try refusal(await verify(try chain(CertificateRequest(commonName: "op-1"), from: foreign), as: .client))
    #expect(refusal.kind == .unknownAuthority)
    #expect(refusal.message.contains("certificate of \"op-1\" (fingerprint "))
    #expect(refusal.message.contains("intermediate"))
    #expect(refusal.hint?.contains("make certs") == true)
  }

  @Test func aSelfMadeCertificateIsRefused() async throws {
    let own = try CertificateAuthority.makeRoot(commonName: "op-1")
    #expect(try refusal(await verify(try own.roots, as: .client)).kind == .unknownAuthority)
  }

  @Test func aMissingIntermediateIsAnUnknownAuthority() async throws {
    let leaf = try Array(chain("op-1").prefix(1))
    #expect(try refusal(await verify(leaf, as: .client)).kind == .unknownAuthority)
  }

  @Test func noRootsTrustNobody() async throws {
    let result = await PeerVerifier(roots: [], pins: nil).verify(chain: try chain("op-1"), as: .client)
    #expect(try refusal(result).kind == .unknownAuthority)
  }

  @Test func anExpiredCertificateIsToldFromOneThatIsNotYetValid() async throws {
    let old = try chain(CertificateRequest(commonName: "op-1", notBefore: day(-3), notAfter: day(-1)))
    let young = try chain(CertificateRequest(commonName: "op-1", notBefore: day(1), notAfter: day(3)))
    let expired = try refusal(await verify(old, as: .client))
    guard case .expired(let date) = expired.kind else { throw Accepted() }
    #expect(abs(date.timeIntervalSince(day(-1))) < 60)
    #expect(expired.message.contains("expired at 20"))
    guard case .notYetValid = try refusal(await verify(young, as: .client)).kind else { throw Accepted() }
  }

  @Test func anExpiredAuthorityIsNamed() async throws {
    let old = try root.makeIntermediate(commonName: "old intermediate", notBefore: day(-3), notAfter: day(-1))
    let refusal = try refusal(await verify(try chain(CertificateRequest(commonName: "op-1"), from: old), as: .client))
    guard case .expired = refusal.kind else { throw Accepted() }
    #expect(refusal.message.contains("authority ") && refusal.message.contains("old intermediate"))
  }

  @Test func aLeafCannotIssueCertificates() async throws {
    // The intermediate may not have another authority below it (path length 0).
    let below = try intermediate.makeIntermediate(commonName: "too deep")
    #expect(try refusal(await verify(try chain(CertificateRequest(commonName: "op-1"), from: below), as: .client)).kind == .invalidChain)
  }

  @Test func aSigningCertificateIsNotForConnections() async throws {
    let chain = try chain(CertificateRequest(commonName: "op-1", purpose: .signing))
    #expect(try refusal(await verify(chain, as: .client)).kind == .wrongPurpose)
    #expect(try refusal(await verify(chain, as: .server(expectedName: "op-1"))).kind == .wrongPurpose)
  }

  @Test func aServerOfAnotherNameIsRefusedWithTheNamesFound() async throws {
    let refusal = try refusal(await verify(try chain("op-1", ["op-1", "*.op-1.local"]), as: .server(expectedName: "op-2")))
    #expect(refusal.kind == .nameMismatch(expected: "op-2"))
    #expect(refusal.message.hasSuffix("is not for \"op-2\": its DNS names are \"op-1\", \"*.op-1.local\""))
  }

  @Test func theCommonNameIsNoServerName() async throws {
    for names in [[], ["other"]] {
      let refusal = try refusal(await verify(try chain("op-1", names), as: .server(expectedName: "op-1")))
      #expect(refusal.kind == .nameMismatch(expected: "op-1"))
    }
  }

  @Test func anIPAddressIsNoServerName() async throws {
    let chain = try chain(CertificateRequest(commonName: "op-1", dnsNames: ["op-1"], ipAddresses: [[127, 0, 0, 1]]))
    #expect(try refusal(await verify(chain, as: .server(expectedName: "127.0.0.1"))).kind == .nameMismatch(expected: "127.0.0.1"))
  }

  @Test func aWildcardCoversAServerName() async throws {
    let chain = try chain("internal-server", ["internal-server", "*.internal-server.local"])
    _ = try await verify(chain, as: .server(expectedName: "test.internal-server.local")).get()
  }

  @Test func onlyPinnedNamesBecomeNamesOfThePeer() async throws {
    let chain = try chain("op-1", ["op-1", "op-2", "op-3"])
    let fingerprint = try Fingerprint(of: chain[0]).hex
    let pins: Pins = { ["op-1": ["other"], "op-2": [fingerprint, "other"], "op-4": [fingerprint]][$0] ?? [] }
    #expect(try await verify(chain, as: .client, pins: pins).get().names == ["op-2"])
    #expect(try await verify(chain, as: .server(expectedName: "op-2"), pins: pins).get().names == ["op-2"])
    let refusal = try refusal(await verify(chain, as: .server(expectedName: "op-1"), pins: pins))
    #expect(refusal.kind == .pinMismatch(names: ["op-1"]))
    #expect(refusal.message.contains(fingerprint))
  }

  @Test func theCommonNameCountsForPins() async throws {
    let chain = try chain("op-1", ["other"])
    let fingerprint = try Fingerprint(of: chain[0]).hex
    #expect(try await verify(chain, as: .client, pins: { $0 == "op-1" ? [fingerprint] : [] }).get().names == ["op-1"])
  }

  @Test func aClientPinnedUnderNoNameIsRefused() async throws {
    let refusal = try refusal(await verify(try chain("op-1", ["op-1", "a"]), as: .client, pins: { _ in [] }))
    #expect(refusal.kind == .pinMismatch(names: ["op-1", "a"]))
    #expect(refusal.hint?.contains("key_usage encryption") == true)
  }

  @Test func aClientWithoutAnyNameIsNobodyEvenWithoutPins() async throws {
    let refusal = try refusal(await verify(try chain(CertificateRequest(commonName: "", dnsNames: [])), as: .client))
    #expect(refusal.kind == .pinMismatch(names: []))
  }

  @Test func aServerReachedThroughAWildcardMustBePinnedUnderTheNameDialled() async throws {
    let chain = try chain("gateway", ["gateway", "*.example"])
    let fingerprint = try Fingerprint(of: chain[0]).hex
    let role = PeerRole.server(expectedName: "victim.example")
    #expect(
      try refusal(await verify(chain, as: role, pins: { $0 == "gateway" ? [fingerprint] : [] })).kind
        == .pinMismatch(names: ["victim.example"]))
    let both = try await verify(chain, as: role, pins: { _ in [fingerprint] }).get()
    #expect(both.names == ["gateway", "*.example", "victim.example"])
  }

  @Test func pinsAreAskedAtEveryVerification() async throws {
    let chain = try chain("op-1")
    let fingerprint = try Fingerprint(of: chain[0]).hex
    let pinned = Box()
    let verifier = PeerVerifier(roots: try root.roots) { _ in pinned.value }
    #expect(try refusal(await verifier.verify(chain: chain, as: .client)).kind == .pinMismatch(names: ["op-1"]))
    pinned.value = [fingerprint]
    _ = try await verifier.verify(chain: chain, as: .client).get()
    #expect(verifier.pinnedNames(of: try PeerIdentity(certificate: chain[0])) == ["op-1"])
    pinned.value = []
    #expect(verifier.pinnedNames(of: try PeerIdentity(certificate: chain[0])).isEmpty)
  }

  @Test func rootsOfASourceAreAskedAtEveryVerification() async throws {
    let foreign = try CertificateAuthority.makeRoot(commonName: "foreign")
    let source = TrustSource(try foreign.issue(commonName: "me").credentials())
    let verifier = PeerVerifier(source: source, pins: nil)
    #expect(try refusal(await verifier.verify(chain: try chain("op-1"), as: .client)).kind == .unknownAuthority)
    source.replace(with: try intermediate.issue(commonName: "me").credentials())
    _ = try await verifier.verify(chain: try chain("op-1"), as: .client).get()
  }

  @Test func aFloodOfCertificatesIsRefusedUnread() async throws {
    let chain = try chain("op-1")
    let flood = chain + Array(repeating: chain[1], count: 7)
    #expect(try refusal(await verify(flood, as: .client)).kind == .chainTooLong(count: 9))
    _ = try await verify(Array(flood.prefix(8)), as: .client).get()
  }

  /// They could issue each other in any order.
  @Test func manyAuthoritiesOfOneNameAreRefused() async throws {
    let leaf = try chain("op-1")
    let namesakes = try (0..<3).map { _ in
      try #require(try root.makeIntermediate(commonName: "namesake").issue(commonName: "x").credentials().chain.dropFirst().first)
    }
    let refusal = try refusal(await verify(leaf + namesakes, as: .client))
    #expect(refusal.kind == .invalidChain && refusal.message.hasSuffix("more than 2 of its certificates have the same subject"))
    // An authority and its next one.
    _ = try await verify(leaf + namesakes.prefix(2), as: .client).get()
  }

  @Test func aMessageNamesAFewOfManyNames() async throws {
    let names = (0..<300).map { "name-\($0)" }
    let refusal = try refusal(await verify(try chain("op-1", names), as: .server(expectedName: "x")))
    #expect(refusal.message.hasSuffix("\"name-4\" and 295 more"))
  }
}

private final class Box: Sendable {
  private let content = Mutex<Set<String>>([])
  var value: Set<String> {
    get { content.withLock { $0 } }
    set { content.withLock { $0 = newValue } }
  }
}
