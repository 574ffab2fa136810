import SwiftASN1
import X509

public import struct Foundation.Date

/// The certificates of a development network and the directory records that pin them: `make certs` (PROTOCOL.md 16).
///
/// A root, an intermediate and, for each operator, a certificate for connections and one for signing. Keys are P-256: much faster to make
/// than RSA, in the list of every deployed node (`ECDHE-ECDSA-AES128-GCM-SHA256`, PROTOCOL.md 4.1), and with forward secrecy also in
/// TLS 1.2, which such a node does not have with an RSA certificate. Nothing carries an IP address.
public struct DevelopmentCA {
  /// What a run did.
  public struct Report: Hashable, Sendable {
    /// Names of files, without suffix, that were made anew.
    public var made: [String] = []
    /// Names of files, without suffix, that were still good.
    public var kept: [String] = []
    /// Whether the directory records had to be written.
    public var recordsWritten = false

    /// One line for people.
    public var text: String {
      let records = recordsWritten ? "records written" : "records unchanged"
      guard !made.isEmpty else { return "certificates: all \(kept.count) are valid, \(records)" }
      return "certificates: made \(made.count), kept \(kept.count), \(records)"
    }
  }

  /// Makes what is missing or no longer good, and keeps the rest.
  ///
  /// A certificate is kept when it can be read, its key belongs to it, it chains to the present root, carries the right names and
  /// purpose and stays valid for more than 30 days. Files are replaced atomically, each key before its certificate; key files have
  /// mode 0600.
  /// - Parameters:
  ///   - certificates: the folder for `NAME.crt` and `NAME.key`; created when missing.
  ///   - records: the file for the directory records; rewritten only when its content changes.
  /// - Throws: `TrustError` of kind `.unwritable`, or `.busy` when another run holds the folder.
  public static func make(certificates: String, records: String, now: Date = Date()) throws(TrustError) -> Report {
    try SmallFile.makeFolder(certificates)
    let lock = try FolderLock(folder: certificates)
    var run = DevelopmentCA(folder: certificates, now: now)
    let root = try run.root()
    let intermediate = try run.intermediate(below: root)
    var fingerprints: [DevelopmentRoster.Entry: DevelopmentRecords.Pinned] = [:]
    for entry in DevelopmentRoster.entries {
      fingerprints[entry] = try run.leaf(entry, issuer: intermediate)
    }
    run.report.recordsWritten = try DevelopmentRecords.write(fingerprints, to: records)
    // Without this the lock could end with its last use, which is its creation.
    withExtendedLifetime(lock) {}
    return run.report
  }

  /// A certificate with less left than this is made anew: nobody's demonstration should end in the middle.
  static let margin: Double = 30 * day
  /// As the deployed development set has it; intermediate and leafs are shorter because replacing them costs one command.
  static let rootLifetime: Double = 1024 * day
  static let intermediateLifetime: Double = 730 * day
  static let leafLifetime: Double = 500 * day
  private static let day: Double = 86_400

  private let folder: String
  private let now: Date
  private var report = Report()

  private init(folder: String, now: Date) {
    self.folder = folder
    // Certificates know whole seconds only, and the records must come out the same when they are read back.
    self.now = Date(timeIntervalSince1970: now.timeIntervalSince1970.rounded(.down))
  }

  private var start: Date { now.addingTimeInterval(-CertificateAuthority.clockSkew) }

  private func path(_ name: String, _ suffix: String) -> String { "\(folder)/\(name).\(suffix)" }

  private mutating func root() throws(TrustError) -> CertificateAuthority {
    if let kept = storedAuthority("root"), kept.certificate.isGood(until: now.addingTimeInterval(Self.margin), from: now),
      kept.certificate.isIssued(by: kept.certificate)
    {
      report.kept.append("root")
      return CertificateAuthority(certificate: kept.certificate, key: kept.key, path: [], root: kept.certificate)
    }
    let made = try CertificateAuthority.makeRoot(
      commonName: "Testing-Development", notBefore: start, notAfter: now.addingTimeInterval(Self.rootLifetime))
    try store(made, name: "root")
    return made
  }

  private mutating func intermediate(below root: CertificateAuthority) throws(TrustError) -> CertificateAuthority {
    if let kept = storedAuthority("intermediate"), kept.certificate.isGood(until: now.addingTimeInterval(Self.margin), from: now),
      kept.certificate.isIssued(by: root.certificate)
    {
      report.kept.append("intermediate")
      return CertificateAuthority(certificate: kept.certificate, key: kept.key, path: [kept.certificate], root: root.certificate)
    }
    let end = min(now.addingTimeInterval(Self.intermediateLifetime), root.certificate.notValidAfter)
    let made = try root.makeIntermediate(commonName: "Testing-Development-Intermediate", notBefore: start, notAfter: end)
    try store(made, name: "intermediate")
    return made
  }

  private mutating func leaf(_ entry: DevelopmentRoster.Entry, issuer: CertificateAuthority) throws(TrustError) -> DevelopmentRecords.Pinned
  {
    if let kept = storedLeaf(entry, issuer: issuer) {
      report.kept.append(entry.fileName)
      return kept
    }
    let end = min(now.addingTimeInterval(Self.leafLifetime), issuer.certificate.notValidAfter)
    let made = try issuer.issue(
      CertificateRequest(
        commonName: entry.operatorName, dnsNames: entry.dnsNames, uris: entry.uris, purpose: entry.purpose, notBefore: start, notAfter: end)
    )
    try made.write(certificateFile: path(entry.fileName, "crt"), keyFile: path(entry.fileName, "key"))
    report.made.append(entry.fileName)
    return DevelopmentRecords.Pinned(fingerprint: made.fingerprint, since: start)
  }

  private mutating func store(_ authority: CertificateAuthority, name: String) throws(TrustError) {
    let key = try signing("the key file of \(name)") { try authority.key.serializeAsPEM().pemString + "\n" }
    try SmallFile.write(key, to: path(name, "key"), mode: SmallFile.secret)
    try SmallFile.write(try authority.certificatePEM, to: path(name, "crt"), mode: SmallFile.readable)
    report.made.append(name)
  }

  /// Nil for whatever is not as it should be: the answer is the same, a new one.
  private func storedAuthority(_ name: String) -> (certificate: Certificate, key: Certificate.PrivateKey)? {
    guard let stored = stored(name), stored.chain.count == 1, stored.chain[0].isAuthority else { return nil }
    return (stored.chain[0], stored.key)
  }

  private func storedLeaf(_ entry: DevelopmentRoster.Entry, issuer: CertificateAuthority) -> DevelopmentRecords.Pinned? {
    guard let stored = stored(entry.fileName), stored.chain.count == 2, stored.chain[1] == issuer.certificate else { return nil }
    let leaf = stored.chain[0]
    guard leaf.isGood(until: now.addingTimeInterval(Self.margin), from: now), leaf.isIssued(by: issuer.certificate),
      leaf.fits(entry), let fingerprint = try? Fingerprint(of: leaf)
    else { return nil }
    return DevelopmentRecords.Pinned(fingerprint: fingerprint, since: leaf.notValidBefore)
  }

  /// Certificates and key of one name when both can be read and belong together; a key others may read is no good either.
  private func stored(_ name: String) -> (chain: [Certificate], key: Certificate.PrivateKey)? {
    guard SmallFile.isPrivate(path(name, "key")),
      let chain = try? CertificateFile.certificates(in: path(name, "crt"), what: "certificate file").map({ try $0.parsed() }),
      let key = try? CertificateFile.privateKey(in: path(name, "key")).parsed, key.publicKey == chain[0].publicKey
    else { return nil }
    return (chain, key)
  }
}

extension Certificate {
  fileprivate func isGood(until end: Date, from now: Date) -> Bool { notValidBefore <= now && notValidAfter > end }

  fileprivate func isIssued(by issuer: Certificate) -> Bool {
    self.issuer == issuer.subject && issuer.publicKey.isValidSignature(signature, for: self)
  }

  fileprivate var isAuthority: Bool {
    guard let constraints = try? extensions.basicConstraints, case .isCertificateAuthority = constraints else { return false }
    return true
  }

  /// Exactly the names and the purpose that this version would issue, so that a change of the roster renews what it touches.
  fileprivate func fits(_ entry: DevelopmentRoster.Entry) -> Bool {
    guard commonName == entry.operatorName, let names = try? extensions.subjectAlternativeNames,
      let usages = try? extensions.extendedKeyUsage
    else { return false }
    let expected = entry.dnsNames.map(GeneralName.dnsName) + entry.uris.map(GeneralName.uniformResourceIdentifier)
    return Array(names) == expected && usages.contains(entry.purpose == .signing ? .codeSigning : .serverAuth)
  }
}
