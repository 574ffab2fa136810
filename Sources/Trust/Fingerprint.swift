import Crypto
public import NIOSSL
import SwiftASN1
public import X509

/// The SHA-256 of a certificate's DER: what the directory pins (PROTOCOL.md 4.2).
public struct Fingerprint: Hashable, Sendable {
  /// 64 lower-case hexadecimal digits.
  public let hex: String

  /// The fingerprint of a certificate given as its DER bytes.
  public init(der: [UInt8]) {
    hex = SHA256.hash(data: der).map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0" + digits : digits
    }.joined()
  }

  /// - Throws: `TrustError` of kind `.malformed` when the certificate cannot be written as DER.
  public init(of certificate: NIOSSLCertificate) throws(TrustError) {
    self.init(der: try certificate.derBytes())
  }

  /// - Throws: `TrustError` of kind `.malformed` when the certificate cannot be written as DER.
  public init(of certificate: Certificate) throws(TrustError) {
    self.init(der: try certificate.derBytes())
  }
}

extension Fingerprint: CustomStringConvertible {
  public var description: String { hex }
}

extension NIOSSLCertificate {
  func derBytes() throws(TrustError) -> [UInt8] {
    do {
      return try toDERBytes()
    } catch {
      throw TrustError(.malformed, "cannot encode a certificate as DER: \(error)")
    }
  }

  /// The same certificate as swift-certificates reads it, which is stricter than BoringSSL.
  func parsed() throws(TrustError) -> Certificate {
    let der = try derBytes()
    do {
      return try Certificate(derEncoded: der)
    } catch {
      throw TrustError(.malformed, "cannot read a certificate: \(error)")
    }
  }
}

extension Certificate {
  func derBytes() throws(TrustError) -> [UInt8] {
    do {
      var serializer = DER.Serializer()
      try serializer.serialize(self)
      return serializer.serializedBytes
    } catch {
      throw TrustError(.malformed, "cannot encode a certificate as DER: \(error)")
    }
  }
}
