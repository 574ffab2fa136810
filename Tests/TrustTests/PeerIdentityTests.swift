import HyperModel
import NIOSSL
import Testing
import Trust

struct PeerIdentityTests {
  private func leaf(_ request: CertificateRequest) throws -> (NIOSSLCertificate, IssuedCertificate) {
    let issued = try CertificateAuthority.makeRoot(commonName: "root").issue(request)
    return (try #require(try issued.credentials().chain.first), issued)
  }

  @Test func namesAreTheCommonNameThenTheDNSNamesInOrderWithoutRepetitions() throws {
    let request = CertificateRequest(
      commonName: "op-1", dnsNames: ["z.example", "op-1", "*.op-1.local", "z.example", "a"], uris: ["iris-name://other"],
      ipAddresses: [[127, 0, 0, 1]])
    let (certificate, issued) = try leaf(request)
    let identity = try PeerIdentity(certificate: certificate)
    #expect(identity.names == ["op-1", "z.example", "*.op-1.local", "a"])
    #expect(identity.fingerprint == issued.fingerprint.hex)
  }

  @Test func aCertificateWithoutNamesHasNone() throws {
    let (certificate, _) = try leaf(CertificateRequest(commonName: "", dnsNames: []))
    #expect(try PeerIdentity(certificate: certificate).names.isEmpty)
  }

  @Test func aFingerprintIsTheLowerCaseHexOfTheSHA256OfTheDER() throws {
    // SHA-256 of nothing, FIPS 180-4.
    #expect(Fingerprint(der: []).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    let (certificate, _) = try leaf(CertificateRequest(commonName: "a"))
    #expect(try Fingerprint(of: certificate) == Fingerprint(der: try certificate.toDERBytes()))
  }
}
