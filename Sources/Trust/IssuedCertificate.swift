import NIOSSL
import X509

/// A certificate fresh from a ``CertificateAuthority``, with the key it was issued for.
public struct IssuedCertificate: Sendable {
  /// Leaf, then intermediates, PEM: the content of a `certificate_file`.
  public let chainPEM: String
  /// The private key, PEM. Secret.
  public let keyPEM: String
  /// The root above it, PEM: the content of a `ca_certificate_files` entry.
  public let rootPEM: String
  public let fingerprint: Fingerprint

  init(leaf: Certificate, path: [Certificate], root: Certificate, keyPEM: String) throws(TrustError) {
    var chain = ""
    for certificate in [leaf] + path { chain += try certificate.pem() }
    chainPEM = chain
    self.keyPEM = keyPEM
    rootPEM = try root.pem()
    fingerprint = try Fingerprint(of: leaf)
  }

  /// Writes both files atomically, the key readable for its owner only, and returns what a TLS map would say.
  /// - Throws: `TrustError` of kind `.unwritable`.
  @discardableResult
  public func write(certificateFile: String, keyFile: String) throws(TrustError) -> TrustFiles {
    try SmallFile.write(keyPEM, to: keyFile, mode: SmallFile.secret)
    try SmallFile.write(chainPEM, to: certificateFile, mode: SmallFile.readable)
    return TrustFiles(caCertificateFiles: [], certificateFile: certificateFile, keyFile: keyFile)
  }

  /// The certificate as credentials, without files and without a look at its validity: tests need certificates that should be refused.
  /// - Parameter roots: whom the holder trusts, PEM; the root above this certificate when nil.
  public func credentials(trusting roots: [String]? = nil) throws(TrustError) -> Credentials {
    do {
      let trusted = try (roots ?? [rootPEM]).flatMap { try NIOSSLCertificate.fromPEMBytes(Array($0.utf8)) }
      return try Credentials(
        chain: try NIOSSLCertificate.fromPEMBytes(Array(chainPEM.utf8)),
        privateKey: try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem), roots: trusted)
    } catch let error as TrustError {
      throw error
    } catch {
      throw TrustError(.malformed, "cannot use an issued certificate: \(error)")
    }
  }
}
