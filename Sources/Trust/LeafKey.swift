import Crypto
import CryptoExtras
import SwiftASN1
import X509

/// A fresh private key and the forms in which it is written.
struct LeafKey {
  private enum Kind {
    case p256(P256.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)
  }

  private let kind: Kind

  init(_ key: CertificateRequest.Key) throws(TrustError) {
    switch key {
    case .p256:
      kind = .p256(P256.Signing.PrivateKey())
    case .rsa2048:
      kind = .rsa(try signing("an RSA key") { try _RSA.Signing.PrivateKey(keySize: .bits2048) })
    }
  }

  var key: Certificate.PrivateKey {
    switch kind {
    case .p256(let key): Certificate.PrivateKey(key)
    case .rsa(let key): Certificate.PrivateKey(key)
    }
  }

  /// PKCS#8 or PKCS#1, which everybody reads; SEC 1 for signing keys, because the deployed nodes read nothing else there.
  func pem(for purpose: CertificateRequest.Purpose) throws(TrustError) -> String {
    switch (kind, purpose) {
    case (.p256(let key), .connections): key.pemRepresentation + "\n"
    case (.p256(let key), .signing): try signing("a signing key") { try key.sec1PEM() }
    case (.rsa(let key), .connections): key.pemRepresentation + "\n"
    case (.rsa, .signing): throw TrustError(.malformed, "signing keys are ECDSA keys (PROTOCOL.md 4.3)")
    }
  }
}

extension P256.Signing.PrivateKey {
  /// ECPrivateKey of RFC 5915, 3, with curve and public key.
  fileprivate func sec1PEM() throws -> String {
    var serializer = DER.Serializer()
    try serializer.appendConstructedNode(identifier: .sequence) { node in
      try node.serialize(1)
      try node.serialize(ASN1OctetString(contentBytes: ArraySlice(rawRepresentation)))
      try node.serialize(explicitlyTaggedWithTagNumber: 0, tagClass: .contextSpecific) { tagged in
        try tagged.serialize(ASN1ObjectIdentifier.NamedCurves.secp256r1)
      }
      try node.serialize(explicitlyTaggedWithTagNumber: 1, tagClass: .contextSpecific) { tagged in
        try tagged.serialize(ASN1BitString(bytes: ArraySlice(publicKey.x963Representation)))
      }
    }
    return PEMDocument(type: "EC PRIVATE KEY", derBytes: serializer.serializedBytes).pemString + "\n"
  }
}
