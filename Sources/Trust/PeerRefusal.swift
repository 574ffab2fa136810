public import HyperModel
public import struct Foundation.Date

/// Why a peer's certificate was not accepted: which check failed, in words.
///
/// Decide by `kind`; the texts are for people.
public struct PeerRefusal: Error, Hashable, Sendable {
  /// The check that failed.
  public enum Kind: Hashable, Sendable {
    /// The peer presented no certificate.
    case noCertificate
    /// The peer presented more certificates than any sensible chain has.
    case chainTooLong(count: Int)
    /// A certificate of the chain cannot be read.
    case unreadable
    /// No chain leads from the certificate to one of our authorities.
    case unknownAuthority
    /// The certificate, or one that issued it, has expired.
    case expired(at: Date)
    /// The certificate, or one that issued it, is not valid yet.
    case notYetValid(until: Date)
    /// A chain was found but breaks a rule of RFC 5280.
    case invalidChain
    /// The certificate is for another purpose than this end of a TLS connection.
    case wrongPurpose
    /// No DNS SAN matches the name we dialled.
    case nameMismatch(expected: OperatorName)
    /// The directory pins other certificates, or none, for the names in question.
    case pinMismatch(names: [OperatorName])
  }

  public var kind: Kind
  /// Who the certificate claims its holder is; nil when there is no readable certificate.
  public var claimed: PeerIdentity?
  /// Which certificate, which check, what was found; lower case, no full stop. Holds text chosen by the peer: escape it when printing.
  public var message: String
  public var hint: String?
}

extension PeerRefusal {
  static let noCertificate = PeerRefusal(
    kind: .noCertificate, claimed: nil, message: "peer presented no certificate", hint: "set certificate_file and key_file at the peer")

  static func chainTooLong(count: Int, limit: Int) -> PeerRefusal {
    PeerRefusal(
      kind: .chainTooLong(count: count), claimed: nil, message: "peer presented \(count) certificates, more than \(limit)", hint: nil)
  }

  static func unreadable(_ error: TrustError) -> PeerRefusal {
    PeerRefusal(kind: .unreadable, claimed: nil, message: "peer presented an unreadable certificate: \(error.message)", hint: nil)
  }

  static func unknownAuthority(_ claimed: PeerIdentity, issuer: String) -> PeerRefusal {
    PeerRefusal(
      kind: .unknownAuthority, claimed: claimed,
      message: "\(claimed.title) does not chain to a trusted authority; its issuer is \"\(issuer)\"",
      hint: "compare ca_certificate_files here with the certificate there; \(TrustError.makeCertificates)")
  }

  static func expired(_ claimed: PeerIdentity, what: String, at date: Date) -> PeerRefusal {
    PeerRefusal(
      kind: .expired(at: date), claimed: claimed, message: "\(what) expired at \(timestamp(date))",
      hint: "renew it; \(TrustError.makeCertificates)")
  }

  static func notYetValid(_ claimed: PeerIdentity, what: String, until date: Date) -> PeerRefusal {
    PeerRefusal(
      kind: .notYetValid(until: date), claimed: claimed, message: "\(what) is not valid before \(timestamp(date))",
      hint: "compare the clocks of both machines")
  }

  static func invalidChain(_ claimed: PeerIdentity, reason: String) -> PeerRefusal {
    PeerRefusal(kind: .invalidChain, claimed: claimed, message: "\(claimed.title) has an invalid chain: \(reason)", hint: nil)
  }

  static func wrongPurpose(_ claimed: PeerIdentity, needed: String) -> PeerRefusal {
    PeerRefusal(
      kind: .wrongPurpose, claimed: claimed, message: "\(claimed.title) is not for TLS \(needed) authentication",
      hint: "a signing certificate cannot be used for connections")
  }

  static func nameMismatch(_ claimed: PeerIdentity, expected: OperatorName, found: [String]) -> PeerRefusal {
    let names = found.isEmpty ? "it has no DNS names" : "its DNS names are \(list(found))"
    return PeerRefusal(
      kind: .nameMismatch(expected: expected), claimed: claimed,
      message: "\(claimed.title) is not for \"\(expected)\": \(names)",
      hint: "check that the address in the directory belongs to this operator")
  }

  static func pinMismatch(_ claimed: PeerIdentity, asked: [OperatorName]) -> PeerRefusal {
    PeerRefusal(
      kind: .pinMismatch(names: asked), claimed: claimed,
      message: "\(claimed.title) is not pinned in the directory for \(list(asked.map(\.text)))",
      hint: "add this fingerprint to the operator's record with key_usage encryption; \(TrustError.makeCertificates)")
  }

  /// A certificate may carry hundreds of names; a message needs the first few.
  private static let listedNames = 5

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(listedNames).map { "\"\($0)\"" }.joined(separator: ", ")
    return names.count > listedNames ? "\(shown) and \(names.count - listedNames) more" : shown
  }
}

extension PeerIdentity {
  /// How messages call the certificate.
  var title: String { "certificate of \"\(names.first?.text ?? "")\" (fingerprint \(fingerprint))" }
}

/// A time as messages show it: UTC, whole seconds.
func timestamp(_ date: Date) -> String { date.formatted(.iso8601) }
