import Foundation
import Glibc
import HyperModel
import NIOSSL
import Testing
import Trust

struct CredentialsTests {
  private let folder: TestFolder
  private let root: CertificateAuthority
  private let intermediate: CertificateAuthority

  init() throws {
    folder = try TestFolder()
    root = try CertificateAuthority.makeRoot(commonName: "root")
    intermediate = try root.makeIntermediate(commonName: "intermediate")
    try folder.write(try root.rootPEM, to: "root.crt")
  }

  @discardableResult
  private func issue(_ name: String, _ request: CertificateRequest? = nil) throws -> IssuedCertificate {
    let issued = try intermediate.issue(request ?? CertificateRequest(commonName: name))
    try issued.write(certificateFile: folder["\(name).crt"], keyFile: folder["\(name).key"])
    return issued
  }

  private func files(_ certificate: String? = nil, _ key: String? = nil, roots: [String] = ["root.crt"]) -> TrustFiles {
    TrustFiles(
      caCertificateFiles: roots.map { folder[$0] }, certificateFile: certificate.map { folder[$0] }, keyFile: key.map { folder[$0] })
  }

  private func failure(_ files: TrustFiles) -> TrustError? {
    #expect(throws: TrustError.self) { try Credentials.load(files) }
  }

  @Test(arguments: CertificateRequest.Key.allCases)
  func goodFilesGiveChainKeyRootsAndIdentity(key: CertificateRequest.Key) throws {
    let issued = try issue("op-1", CertificateRequest(commonName: "op-1", key: key, notAfter: day(3)))
    let credentials = try Credentials.load(files("op-1.crt", "op-1.key"))
    #expect(credentials.chain.count == 2)
    #expect(credentials.roots.count == 1)
    #expect(credentials.privateKey != nil)
    #expect(credentials.identity?.names == ["op-1"])
    #expect(credentials.identity?.fingerprint == issued.fingerprint.hex)
    let end = try #require(credentials.notValidAfter)
    #expect(abs(end.timeIntervalSince(day(3))) < 60)
    #expect(try folder.mode("op-1.key") == 0o600)
  }

  @Test func theSigningKeyIsInTheFormTheDeployedNodesRead() throws {
    try issue("op-1-sign", CertificateRequest(commonName: "op-1", purpose: .signing))
    #expect(try folder.read("op-1-sign.key").hasPrefix("-----BEGIN EC PRIVATE KEY-----\n"))
    _ = try Credentials.load(files("op-1-sign.crt", "op-1-sign.key"))
  }

  @Test func filesWithoutOwnCertificateTrustOnly() throws {
    let credentials = try Credentials.load(files())
    #expect(credentials.chain.isEmpty && credentials.privateKey == nil && credentials.identity == nil && credentials.notValidAfter == nil)
    #expect(throws: TrustError(.incomplete, "")) { try credentials.serverConfiguration(verifyClient: .none, alpn: []) }
    _ = try NIOSSLContext(configuration: credentials.clientConfiguration(alpn: ["h2"]))
  }

  @Test func allCertificatesOfAllRootFilesAreTrusted() throws {
    let other = try CertificateAuthority.makeRoot(commonName: "other")
    try folder.write("some text\n" + (try root.rootPEM) + (try other.rootPEM), to: "two.crt")
    #expect(try Credentials.load(files(roots: ["two.crt", "root.crt"])).roots.count == 3)
    #expect(try Credentials.load(files(roots: [])).roots.isEmpty)
  }

  @Test func aMissingFileIsNamedWithTheWayOut() throws {
    let failure = failure(files("op-1.crt", "op-1.key"))
    #expect(failure?.kind == .missingFile)
    #expect(failure?.message == "certificate file \(folder["op-1.crt"]) does not exist")
    #expect(failure?.hint?.contains("make certs") == true)
    #expect(self.failure(files(roots: ["none.crt"]))?.message == "CA certificate file \(folder["none.crt"]) does not exist")
  }

  @Test func aMissingKeyFileIsNamed() throws {
    try issue("op-1")
    #expect(failure(files("op-1.crt", "none.key"))?.message == "key file \(folder["none.key"]) does not exist")
  }

  @Test func aFolderInPlaceOfAFileIsUnreadable() throws {
    let failure = failure(TrustFiles(caCertificateFiles: [folder.path]))
    #expect(failure?.kind == .unreadableFile)
    #expect(failure?.message.contains("Is a directory") == true)
  }

  @Test func aNamedPipeDoesNotBlock() throws {
    try #require(mkfifo(folder["pipe"], 0o600) == 0)
    #expect(failure(files(roots: ["pipe"]))?.message.hasSuffix("it is empty") == true)
  }

  @Test func aHugeFileIsNotReadToItsEnd() throws {
    try folder.write(String(repeating: "x", count: 2 << 20), to: "huge")
    #expect(failure(files(roots: ["huge"]))?.kind == .unreadableFile)
  }

  @Test func anUnreadableKeySaysWhy() throws {
    try issue("op-1")
    // A link to itself cannot be opened by anybody; a mode of 0 would not keep root from reading.
    try FileManager.default.createSymbolicLink(atPath: folder["loop.key"], withDestinationPath: "loop.key")
    let failure = failure(files("op-1.crt", "loop.key"))
    #expect(failure?.kind == .unreadableFile)
    #expect(failure?.message.hasPrefix("cannot read key file \(folder["loop.key"]): ") == true)
    #expect(failure?.hint == "check its owner and mode")
  }

  @Test(arguments: [
    ("", ": it is empty"), ("hello", ": it is not PEM"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ": found a certificate"),
    ("-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", ": found PEM of another kind"),
  ])
  func whatIsNoCertificateIsSaidToBeSomethingElse(content: String, found: String) throws {
    try folder.write(content, to: "bad.crt")
    let failure = failure(files(roots: ["bad.crt"]))
    #expect(failure?.kind == .malformed)
    #expect(failure?.message.hasSuffix(found) == true)
  }

  @Test func certificateAndKeyInEachOthersPlaceAreNoticed() throws {
    try issue("op-1")
    #expect(failure(files("op-1.key", "op-1.crt"))?.message.hasSuffix("found a private key") == true)
    #expect(failure(files("op-1.crt", "op-1.crt"))?.message.hasSuffix("found a certificate") == true)
  }

  @Test func messagesNeverShowAKey() throws {
    try issue("op-1")
    let secret = try folder.read("op-1.key").split(separator: "\n")[1]
    try folder.write(try folder.read("op-1.key").replacingOccurrences(of: "END PRIVATE KEY", with: "END"), to: "broken.key")
    let failure = failure(files("op-1.crt", "broken.key"))
    #expect(failure?.kind == .malformed)
    #expect(failure?.message.contains(secret) == false)
  }

  @Test func aKeyWithAPassphraseSaysSo() throws {
    try issue("op-1")
    try folder.write("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", to: "locked.key")
    #expect(failure(files("op-1.crt", "locked.key"))?.message.hasSuffix("is protected by a passphrase") == true)
  }

  @Test(arguments: [CertificateRequest.Key.p256, .rsa2048])
  func theKeyOfAnotherCertificateIsRefused(key: CertificateRequest.Key) throws {
    try issue("op-1")
    try issue("op-2", CertificateRequest(commonName: "op-2", key: key))
    let failure = failure(files("op-1.crt", "op-2.key"))
    #expect(failure?.kind == .keyMismatch)
    #expect(failure?.message == "key file \(folder["op-2.key"]) does not belong to the certificate in \(folder["op-1.crt"])")
  }

  @Test func anExpiredOrFutureOwnCertificateIsRefused() throws {
    try issue("old", CertificateRequest(commonName: "old", notBefore: day(-3), notAfter: day(-1)))
    try issue("new", CertificateRequest(commonName: "new", notBefore: day(1), notAfter: day(2)))
    let old = failure(files("old.crt", "old.key"))
    #expect(old?.kind == .outsideValidity)
    #expect(old?.message.contains("expired at 20") == true)
    #expect(old?.hint?.contains("make certs") == true)
    #expect(failure(files("new.crt", "new.key"))?.message.contains("is not valid before 20") == true)
    _ = try Credentials.load(files("new.crt", "new.key"), now: day(1.5))
  }

  @Test func oneFileOfThePairAloneIsRefused() throws {
    try issue("op-1")
    #expect(failure(files("op-1.crt"))?.kind == .incomplete)
    #expect(failure(files(nil, "op-1.key"))?.kind == .incomplete)
  }

  @Test func aSourceGivesTheCredentialsPutInForceLast() throws {
    try issue("op-1")
    try issue("op-2")
    let source = TrustSource(try Credentials.load(files("op-1.crt", "op-1.key")))
    #expect(source.current.identity?.names == ["op-1"])
    source.replace(with: try Credentials.load(files("op-2.crt", "op-2.key")))
    #expect(source.current.identity?.names == ["op-2"])
  }

  @Test func tlsSettingsKeepTheHouseRules() throws {
    try issue("op-1")
    let credentials = try Credentials.load(files("op-1.crt", "op-1.key"))
    for verification in ClientVerification.allCases {
      let configuration = try credentials.serverConfiguration(verifyClient: verification, alpn: ["h2"])
      #expect(configuration.minimumTLSVersion == .tlsv12)
      #expect(configuration.applicationProtocols == ["h2"])
      _ = try NIOSSLContext(configuration: configuration)
    }
    let client = credentials.clientConfiguration(alpn: ["http/1.1"])
    #expect(client.minimumTLSVersion == .tlsv12)
    #expect(client.cipherSuiteValues.contains(.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256))
    #expect(client.cipherSuiteValues.last == .TLS_RSA_WITH_AES_128_GCM_SHA256)
    _ = try NIOSSLContext(configuration: client)
  }
}
