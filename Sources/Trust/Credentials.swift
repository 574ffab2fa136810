public import NIOSSL
import X509

public import struct Foundation.Date

/// Whom we trust and who we are: the content of a TLS map's files, read and checked (PROTOCOL.md 3.2).
public struct Credentials: Sendable {
  /// Our own certificate, leaf first, then intermediates; empty when the files name none.
  public let chain: [NIOSSLCertificate]
  /// Nil exactly when `chain` is empty.
  public let privateKey: NIOSSLPrivateKey?
  /// The authorities that peers must chain to; none means nobody is trusted.
  public let roots: [NIOSSLCertificate]
  /// Who our certificate says we are; nil when there is none.
  public let identity: PeerIdentity?
  /// When our leaf expires; nil when there is none.
  public let notValidAfter: Date?
  /// When the first certificate of each file ends; empty when they came from no files.
  public let expiries: [CertificateExpiry]
  let parsedRoots: [Certificate]

  init(
    chain: [NIOSSLCertificate], privateKey: NIOSSLPrivateKey?, roots: [NIOSSLCertificate], expiries: [CertificateExpiry] = []
  ) throws(TrustError) {
    self.chain = chain
    self.privateKey = privateKey
    self.roots = roots
    self.expiries = expiries
    parsedRoots = try roots.map { root throws(TrustError) in try root.parsed() }
    guard let leaf = try chain.first?.parsed() else {
      identity = nil
      notValidAfter = nil
      return
    }
    identity = try PeerIdentity(certificate: leaf)
    notValidAfter = leaf.notValidAfter
  }
}

extension Credentials {
  /// Reads and checks the files of a TLS map.
  ///
  /// - Parameter now: the time our own certificate must be valid at.
  /// - Throws: `TrustError` that names the file and says what was found in it.
  public static func load(_ files: TrustFiles, now: Date = Date()) throws(TrustError) -> Credentials {
    var roots: [NIOSSLCertificate] = []
    var expiries: [CertificateExpiry] = []
    for file in files.caCertificateFiles {
      let found = try CertificateFile.certificates(in: file, what: "CA certificate file")
      roots += found
      if let first = try expiry(of: found, file: file) { expiries.append(first) }
    }
    switch (files.certificateFile, files.keyFile) {
    case (nil, nil):
      return try Credentials(chain: [], privateKey: nil, roots: roots, expiries: expiries)
    case (let certificateFile?, let keyFile?):
      let chain = try CertificateFile.certificates(in: certificateFile, what: "certificate file")
      let key = try CertificateFile.privateKey(in: keyFile)
      let leaf = try chain[0].parsed()
      try checkValidity(of: leaf, file: certificateFile, now: now)
      guard try key.belongs(to: leaf) else {
        throw TrustError(
          .keyMismatch, "key file \(keyFile) does not belong to the certificate in \(certificateFile)", hint: TrustError.makeCertificates)
      }
      if let first = try expiry(of: chain, file: certificateFile) { expiries.append(first) }
      return try Credentials(chain: chain, privateKey: key.key, roots: roots, expiries: expiries)
    case (let certificateFile?, nil):
      throw TrustError(.incomplete, "certificate file \(certificateFile) is given without a key file", hint: "set key_file too")
    case (nil, let keyFile?):
      throw TrustError(.incomplete, "key file \(keyFile) is given without a certificate file", hint: "set certificate_file too")
    }
  }

  /// Finds out whether BoringSSL takes what was loaded.
  ///
  /// - Throws: `TrustError` of kind `.malformed`.
  func checkUse() throws(TrustError) {
    let configuration = privateKey == nil ? clientConfiguration(alpn: []) : try serverConfiguration(verifyClient: .required, alpn: [])
    do {
      _ = try NIOSSLContext(configuration: configuration)
    } catch {
      throw TrustError(.malformed, "cannot use the certificates for TLS: \(error)")
    }
  }

  private static func expiry(of certificates: [NIOSSLCertificate], file: String) throws(TrustError) -> CertificateExpiry? {
    let parsed = try certificates.map { certificate throws(TrustError) in try certificate.parsed() }
    return parsed.min { $0.notValidAfter < $1.notValidAfter }.map {
      CertificateExpiry(file: file, subject: $0.commonName ?? "\($0.subject)", notValidAfter: $0.notValidAfter)
    }
  }

  private static func checkValidity(of leaf: Certificate, file: String, now: Date) throws(TrustError) {
    if leaf.notValidAfter < now {
      throw TrustError(
        .outsideValidity, "certificate in \(file) expired at \(timestamp(leaf.notValidAfter))", hint: TrustError.makeCertificates)
    }
    if leaf.notValidBefore > now {
      throw TrustError(
        .outsideValidity, "certificate in \(file) is not valid before \(timestamp(leaf.notValidBefore))",
        hint: "check the clock of this machine")
    }
  }
}
