import NIOSSL
import SwiftASN1
import X509

/// Reads certificates and keys from PEM files with messages that name the file.
enum CertificateFile {
  /// At least one certificate, in the order of the file.
  static func certificates(in path: String, what: String) throws(TrustError) -> [NIOSSLCertificate] {
    let bytes = try SmallFile.read(path, what: what)
    let certificates: [NIOSSLCertificate]
    do {
      certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
    } catch {
      throw TrustError(.malformed, "\(what) \(path) holds no readable PEM certificate\(found(bytes))", hint: TrustError.makeCertificates)
    }
    guard !certificates.isEmpty else {
      throw TrustError(.malformed, "\(what) \(path) holds no PEM certificate\(found(bytes))", hint: TrustError.makeCertificates)
    }
    for (position, certificate) in certificates.enumerated() {
      do throws(TrustError) {
        _ = try certificate.parsed()
      } catch {
        throw TrustError(.malformed, "\(what) \(path), certificate \(position + 1): \(error.message)")
      }
    }
    return certificates
  }

  static func privateKey(in path: String) throws(TrustError) -> PrivateKeyFile {
    let bytes = try SmallFile.read(path, what: "key file")
    let text = String(decoding: bytes, as: UTF8.self)
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
      throw TrustError(
        .malformed, "key file \(path) is protected by a passphrase", hint: "remove the passphrase and restrict the file's mode")
    }
    do {
      return PrivateKeyFile(path: path, key: try NIOSSLPrivateKey(bytes: bytes, format: .pem), parsed: parse(text))
    } catch {
      throw TrustError(.malformed, "key file \(path) holds no readable PEM private key\(found(bytes))", hint: TrustError.makeCertificates)
    }
  }

  /// Nil for keys that only BoringSSL understands.
  private static func parse(_ text: String) -> Certificate.PrivateKey? {
    // The reason is lost on purpose: the caller falls back to BoringSSL's own comparison.
    guard let documents = try? PEMDocument.parseMultiple(pemString: text) else { return nil }
    guard let document = documents.first(where: { $0.discriminator.hasSuffix("PRIVATE KEY") }) else { return nil }
    return try? Certificate.PrivateKey(pemDocument: document)
  }

  /// What is in the file instead; file content itself never enters a message.
  private static func found(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    if bytes.isEmpty { return ": it is empty" }
    if text.contains("PRIVATE KEY-----") { return ": found a private key" }
    if text.contains("BEGIN CERTIFICATE-----") { return ": found a certificate" }
    return text.contains("-----BEGIN ") ? ": found PEM of another kind" : ": it is not PEM"
  }
}

/// A private key that was read, with the file it came from for messages.
struct PrivateKeyFile {
  let path: String
  let key: NIOSSLPrivateKey
  let parsed: Certificate.PrivateKey?

  /// Whether the certificate was issued for this key.
  func belongs(to leaf: Certificate) throws(TrustError) -> Bool {
    if let parsed { return parsed.publicKey == leaf.publicKey }
    // BoringSSL compares key and certificate when both enter a context.
    do {
      let certificate = try NIOSSLCertificate(bytes: leaf.derBytes(), format: .der)
      let configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
      _ = try NIOSSLContext(configuration: configuration)
      return true
    } catch {
      return false
    }
  }
}
