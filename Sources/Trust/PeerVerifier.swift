public import HyperModel
public import NIOSSL
import SwiftASN1
import X509

import struct Foundation.Date

/// Decides whether a peer may be talked to, from the certificates it presented in the handshake.
///
/// It replaces BoringSSL's own verification, which takes an IP SAN that equals the peer's address for the name that was asked
/// for and falls back to the common name. Checked, in this order: the chain leads to one of the roots through the certificates the peer
/// sent (RFC 5280: signatures, validity, CA flags, path length, name constraints), the purpose is TLS, the expected name is a
/// DNS SAN, the fingerprint is pinned (PROTOCOL.md 4.2).
///
/// Roots and pins are asked at every handshake, so a new directory or new authorities need no new verifier.
public struct PeerVerifier: Sendable {
  private let roots: @Sendable () -> [Certificate]
  private let pins: Pins?

  /// Leaf, a few intermediates and perhaps the root; building chains takes time that grows fast with their number.
  static let chainLimit = 8
  /// Certificates with one subject: an authority's new one beside its old one. More could each be tried as the issuer of each other, in every
  /// order.
  static let namesakeLimit = 2

  /// A verifier with fixed roots. Roots that swift-certificates cannot read are left out: `Credentials.load` has refused them before.
  /// - Parameter pins: nil when any certificate under the roots will do.
  public init(roots: [NIOSSLCertificate], pins: Pins?) {
    // The reason is lost on purpose: a root that cannot be read can verify nothing, so leaving it out only makes us stricter.
    let parsed = roots.compactMap { try? $0.parsed() }
    self.roots = { parsed }
    self.pins = pins
  }

  /// A verifier that trusts whatever the source's present credentials trust.
  public init(source: TrustSource, pins: Pins?) {
    self.roots = { source.current.parsedRoots }
    self.pins = pins
  }

  /// Judges a chain, leaf first, as the peer sent it.
  public func verify(chain: [NIOSSLCertificate], as role: PeerRole) async -> Result<VerifiedPeer, PeerRefusal> {
    guard !chain.isEmpty else { return .failure(.noCertificate) }
    guard chain.count <= Self.chainLimit else { return .failure(.chainTooLong(count: chain.count, limit: Self.chainLimit)) }
    let certificates: [Certificate]
    let identity: PeerIdentity
    let dnsNames: [String]
    do throws(TrustError) {
      certificates = try chain.map { certificate throws(TrustError) in try certificate.parsed() }
      identity = try PeerIdentity(certificate: certificates[0])
      dnsNames = try certificates[0].dnsNames()
    } catch {
      return .failure(.unreadable(error))
    }

    let subjects = Dictionary(grouping: Set(certificates), by: \.subject)
    guard subjects.values.allSatisfy({ $0.count <= Self.namesakeLimit }) else {
      return .failure(.invalidChain(identity, reason: "more than \(Self.namesakeLimit) of its certificates have the same subject"))
    }
    let validated: [Certificate]
    switch await validate(certificates, of: identity) {
    case .success(let chain): validated = chain
    case .failure(let refusal): return .failure(refusal)
    }
    guard certificates[0].permits(role.purpose) else { return .failure(.wrongPurpose(identity, needed: role.purposeName)) }
    if case .server(let expected) = role {
      guard dnsNames.contains(where: { HostNameRule.matches(pattern: $0, name: expected.text) }) else {
        return .failure(.nameMismatch(identity, expected: expected, found: dnsNames))
      }
    }
    do throws(TrustError) {
      let path = try validated.map { certificate throws(TrustError) in try certificate.nioSSL() }
      return pinned(identity, as: role).map { VerifiedPeer(names: $0, fingerprint: identity.fingerprint, chain: path) }
    } catch {
      return .failure(.unreadable(error))
    }
  }

  /// The names of a certificate whose pins hold it now: all of them without pins.
  ///
  /// For long-lived connections that ask again after the directory changed. It looks at names and fingerprint only.
  public func pinnedNames(of identity: PeerIdentity) -> [OperatorName] {
    guard let pins else { return identity.names }
    return identity.names.filter { pins($0).contains(identity.fingerprint) }
  }

  /// A server must be pinned under the very name it was dialled by, also when a wildcard SAN made that name match.
  private func pinned(_ identity: PeerIdentity, as role: PeerRole) -> Result<[OperatorName], PeerRefusal> {
    var names = pinnedNames(of: identity)
    switch role {
    case .client:
      // A certificate without any name identifies nobody, pinned or not.
      guard !names.isEmpty else { return .failure(.pinMismatch(identity, asked: identity.names)) }
    case .server(let expected):
      guard let pins else { break }
      guard pins(expected).contains(identity.fingerprint) else { return .failure(.pinMismatch(identity, asked: [expected])) }
      if !names.contains(expected) { names.append(expected) }
    }
    return .success(names)
  }

  private func validate(
    _ certificates: [Certificate], of identity: PeerIdentity
  ) async -> Result<[Certificate], PeerRefusal> {
    var verifier = Verifier(rootCertificates: CertificateStore(roots())) {
      RFC5280Policy()
      NamesAndPurposePolicy()
    }
    let result = await verifier.validate(leaf: certificates[0], intermediates: CertificateStore(certificates.dropFirst()))
    switch result {
    case .validCertificate(let chain):
      return .success(Array(chain))
    case .couldNotValidate(let failures):
      guard let failure = failures.first else {
        return .failure(.unknownAuthority(identity, issuer: String(describing: certificates[0].issuer)))
      }
      return .failure(Self.refusal(identity, chain: Array(failure.chain), reason: failure.policyFailureReason.description, now: Date()))
    }
  }

  /// A chain was found, but it breaks a rule: tells the validity times apart from the rest.
  private static func refusal(_ identity: PeerIdentity, chain: [Certificate], reason: String, now: Date) -> PeerRefusal {
    for (position, certificate) in chain.enumerated() {
      let what = position == 0 ? identity.title : "authority \"\(certificate.subject)\" of the \(identity.title)"
      if certificate.notValidAfter < now { return .expired(identity, what: what, at: certificate.notValidAfter) }
      if certificate.notValidBefore > now { return .notYetValid(identity, what: what, until: certificate.notValidBefore) }
    }
    return .invalidChain(identity, reason: reason)
  }
}

/// A peer whose certificate passed every check.
public struct VerifiedPeer: Hashable, Sendable {
  /// The names whose pin matched, and the name that was dialled; all names of the certificate when there are no pins.
  public let names: [OperatorName]
  /// SHA-256 of the leaf's DER, lower-case hexadecimal.
  public let fingerprint: String
  /// From the leaf to the root.
  public let chain: [NIOSSLCertificate]
}

extension PeerRole {
  fileprivate var purpose: ExtendedKeyUsage.Usage {
    switch self {
    case .client: .clientAuth
    case .server: .serverAuth
    }
  }

  fileprivate var purposeName: String {
    switch self {
    case .client: "client"
    case .server: "server"
    }
  }
}

extension Certificate {
  /// RFC 5280, 4.2.1.12: without the extension every purpose is allowed; one that cannot be read allows none.
  fileprivate func permits(_ purpose: ExtendedKeyUsage.Usage) -> Bool {
    do {
      guard let usages = try extensions.extendedKeyUsage else { return true }
      return usages.contains(purpose) || usages.contains(.any)
    } catch {
      return false
    }
  }
}

/// Says that names and purposes are understood even when marked critical: `PeerVerifier` checks both itself, to tell them apart.
private struct NamesAndPurposePolicy: VerifierPolicy {
  let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
    .X509ExtensionID.subjectAlternativeName, .X509ExtensionID.extendedKeyUsage,
  ]

  func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult { .meetsPolicy }
}
