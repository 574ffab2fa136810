public import HyperModel
public import NIOSSL
public import X509

/// Who a certificate says its holder is: the names it carries and its fingerprint (PROTOCOL.md 4.2).
///
/// This is what the certificate *claims*. It is worth something only for a certificate that a ``PeerVerifier`` accepted.
public struct PeerIdentity: Hashable, Sendable {
  /// The subject's common name, then every DNS SAN in order, without repetitions and without empty names.
  public let names: [OperatorName]
  /// SHA-256 of the leaf's DER, lower-case hexadecimal.
  public let fingerprint: String

  public init(names: [OperatorName], fingerprint: String) {
    self.names = names
    self.fingerprint = fingerprint
  }

  /// - Throws: `TrustError` of kind `.malformed` when the certificate or its names cannot be read.
  public init(certificate: NIOSSLCertificate) throws(TrustError) {
    try self.init(certificate: try certificate.parsed())
  }

  /// - Throws: `TrustError` of kind `.malformed` when the names cannot be read.
  public init(certificate: Certificate) throws(TrustError) {
    let claimed = [certificate.commonName].compactMap(\.self) + (try certificate.dnsNames())
    var names: [OperatorName] = []
    for name in claimed where !name.isEmpty && !names.contains(OperatorName(name)) {
      names.append(OperatorName(name))
    }
    self.names = names
    fingerprint = try Fingerprint(of: certificate).hex
  }
}

extension Certificate {
  /// The last common name of the subject, which is the most specific one and the one the deployed nodes look at.
  var commonName: String? {
    subject.flatMap { $0 }.last { $0.type == .RDNAttributeType.commonName }.flatMap { String($0.value) }
  }

  /// The DNS names of the subject alternative name extension, in order, as written.
  func dnsNames() throws(TrustError) -> [String] {
    do {
      return try extensions.subjectAlternativeNames?.compactMap { name in
        guard case .dnsName(let text) = name else { return nil }
        return text
      } ?? []
    } catch {
      throw TrustError(.malformed, "cannot read the subject alternative names of a certificate: \(error)")
    }
  }
}
