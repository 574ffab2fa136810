import Crypto
public import NIOSSL
import SwiftASN1
import X509

public import struct Foundation.Date
public import typealias Foundation.TimeInterval

/// A certificate authority with its key in memory: makes other authorities and issues certificates.
///
/// Made for development certificates and tests; it keeps no list of what it issued. A value: copies share nothing that changes.
public struct CertificateAuthority: Sendable {
  let certificate: Certificate
  let key: Certificate.PrivateKey
  /// From this authority up to, but without, the root: what leafs send along. Empty for a root.
  let path: [Certificate]
  let root: Certificate

  /// Certificates begin this many seconds in the past, for clocks that are a little behind.
  public static let clockSkew: TimeInterval = 3600

  /// The authority's own certificate, PEM.
  public var certificatePEM: String {
    get throws(TrustError) { try certificate.pem() }
  }

  /// The root's certificate, PEM: what peers are to trust.
  public var rootPEM: String {
    get throws(TrustError) { try root.pem() }
  }

  /// The root's certificate as NIOSSL holds it.
  public var roots: [NIOSSLCertificate] {
    get throws(TrustError) { [try root.nioSSL()] }
  }

  /// Makes a self-signed root.
  public static func makeRoot(
    commonName: String, notBefore: Date? = nil, notAfter: Date? = nil
  ) throws(TrustError) -> CertificateAuthority {
    let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let subject = try DistinguishedName.authority(commonName)
    let root = try signing("a root certificate") {
      try Certificate(
        version: .v3, serialNumber: .init(), publicKey: key.publicKey,
        notValidBefore: notBefore ?? Date(timeIntervalSinceNow: -clockSkew),
        notValidAfter: notAfter ?? Date(timeIntervalSinceNow: 86_400),
        issuer: subject, subject: subject,
        extensions: try authorityExtensions(for: key.publicKey, issuer: key.publicKey, maxPathLength: nil), issuerPrivateKey: key)
    }
    return CertificateAuthority(certificate: root, key: key, path: [], root: root)
  }

  /// Makes an authority below this one that issues leafs only (path length 0).
  public func makeIntermediate(
    commonName: String, notBefore: Date? = nil, notAfter: Date? = nil
  ) throws(TrustError) -> CertificateAuthority {
    let newKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let subject = try DistinguishedName.authority(commonName)
    let made = try signing("an intermediate certificate") {
      try Certificate(
        version: .v3, serialNumber: .init(), publicKey: newKey.publicKey,
        notValidBefore: notBefore ?? Date(timeIntervalSinceNow: -Self.clockSkew),
        notValidAfter: notAfter ?? Date(timeIntervalSinceNow: 86_400),
        issuer: certificate.subject, subject: subject,
        extensions: try authorityExtensions(for: newKey.publicKey, issuer: key.publicKey, maxPathLength: 0), issuerPrivateKey: key)
    }
    return CertificateAuthority(certificate: made, key: newKey, path: [made] + path, root: root)
  }

  /// Issues a certificate exactly as requested, with a fresh key. Nothing is adjusted: a validity beyond our own is the caller's choice.
  public func issue(_ request: CertificateRequest) throws(TrustError) -> IssuedCertificate {
    let leafKey = try LeafKey(request.key)
    let leaf = try signing("a certificate for \"\(request.commonName)\"") {
      try Certificate(
        version: .v3, serialNumber: .init(), publicKey: leafKey.key.publicKey, notValidBefore: request.notBefore,
        notValidAfter: request.notAfter, issuer: certificate.subject,
        subject: try DistinguishedName { CommonName(request.commonName) },
        extensions: try request.extensions(for: leafKey.key.publicKey, issuer: key.publicKey), issuerPrivateKey: key)
    }
    let keyPEM = try leafKey.pem(for: request.purpose)
    return try IssuedCertificate(leaf: leaf, path: path, root: root, keyPEM: keyPEM)
  }

  /// Issues a certificate for both ends of TLS connections.
  public func issue(
    commonName: String, dnsNames: [String]? = nil, notBefore: Date? = nil, notAfter: Date? = nil
  ) throws(TrustError) -> IssuedCertificate {
    try issue(CertificateRequest(commonName: commonName, dnsNames: dnsNames, notBefore: notBefore, notAfter: notAfter))
  }
}

/// Extensions of RFC 5280, 4.2.1, for an authority.
private func authorityExtensions(
  for key: Certificate.PublicKey, issuer: Certificate.PublicKey, maxPathLength: Int?
) throws -> Certificate.Extensions {
  try Certificate.Extensions {
    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: maxPathLength))
    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
    SubjectKeyIdentifier(hash: key)
    AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: issuer).keyIdentifier)
  }
}

extension CertificateRequest {
  fileprivate func extensions(for key: Certificate.PublicKey, issuer: Certificate.PublicKey) throws -> Certificate.Extensions {
    let names =
      dnsNames.map(GeneralName.dnsName) + uris.map(GeneralName.uniformResourceIdentifier)
      + ipAddresses.map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) }
    let usages: [ExtendedKeyUsage.Usage] =
      switch purpose {
      case .connections: [.serverAuth, .clientAuth]
      case .signing: [.codeSigning]
      }
    // Static RSA suites, which the deployed nodes offer for TLS 1.2, need key encipherment (RFC 5246, 7.4.2).
    let encipherment = purpose == .connections && self.key == .rsa2048
    return try Certificate.Extensions {
      Critical(BasicConstraints.notCertificateAuthority)
      Critical(KeyUsage(digitalSignature: true, keyEncipherment: encipherment))
      try ExtendedKeyUsage(usages)
      SubjectKeyIdentifier(hash: key)
      AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: issuer).keyIdentifier)
      if !names.isEmpty { SubjectAlternativeNames(names) }
    }
  }
}

extension DistinguishedName {
  fileprivate static func authority(_ commonName: String) throws(TrustError) -> DistinguishedName {
    try signing("the name of an authority") {
      try DistinguishedName {
        OrganizationName("Hyper development")
        CommonName(commonName)
      }
    }
  }
}

/// Gives the errors of the certificate library our type and says what was being made.
func signing<Value>(_ what: String, _ body: () throws -> Value) throws(TrustError) -> Value {
  do {
    return try body()
  } catch {
    throw TrustError(.malformed, "cannot make \(what): \(error)")
  }
}

extension Certificate {
  func pem() throws(TrustError) -> String {
    PEMDocument(type: "CERTIFICATE", derBytes: try derBytes()).pemString + "\n"
  }

  func nioSSL() throws(TrustError) -> NIOSSLCertificate {
    let der = try derBytes()
    do {
      return try NIOSSLCertificate(bytes: der, format: .der)
    } catch {
      throw TrustError(.malformed, "cannot read a certificate: \(error)")
    }
  }
}
