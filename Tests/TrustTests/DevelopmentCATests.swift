import Foundation
import HyperModel
import Testing
import X509

@testable import Trust

struct DevelopmentCATests {
  private let folder: TestFolder
  private let certificates: String
  private let records: String

  init() throws {
    folder = try TestFolder()
    certificates = folder["dev/certs"]
    records = folder["dev/directory/002_certificates.json"]
  }

  private func make(now: Date = Date()) throws -> DevelopmentCA.Report {
    try DevelopmentCA.make(certificates: certificates, records: records, now: now)
  }

  private func load(_ name: String, now: Date = Date()) throws -> Credentials {
    try Credentials.load(
      TrustFiles(
        caCertificateFiles: ["\(certificates)/root.crt"], certificateFile: "\(certificates)/\(name).crt",
        keyFile: "\(certificates)/\(name).key"),
      now: now)
  }

  private func verify(_ name: String, as role: PeerRole) async throws -> Result<VerifiedPeer, PeerRefusal> {
    let credentials = try load(name)
    return await PeerVerifier(roots: credentials.roots, pins: nil).verify(chain: credentials.chain, as: role)
  }

  private let total = 12 * 2 + 2 + 2

  @Test func aFirstRunMakesEverythingAndASecondKeepsIt() throws {
    let first = try make()
    #expect(first.made.count == total)
    #expect(first.kept.isEmpty)
    #expect(first.recordsWritten)
    let before = try FileManager.default.contentsOfDirectory(atPath: certificates).sorted()
    let second = try make()
    #expect(second.made.isEmpty)
    #expect(second.kept.count == total)
    #expect(!second.recordsWritten)
    #expect(second.text == "certificates: all \(total) are valid, records unchanged")
    #expect(try FileManager.default.contentsOfDirectory(atPath: certificates).sorted() == before)
    #expect(before.count == 2 * total)
  }

  @Test func everyCertificateServesItsPurposeUnderItsNames() async throws {
    _ = try make()
    for name in DevelopmentRoster.operators {
      let operatorName = OperatorName(name)
      #expect(try await verify(name, as: .client).get().names == [operatorName, OperatorName("*.\(name).local")])
      _ = try await verify(name, as: .server(expectedName: operatorName)).get()
      _ = try await verify(name, as: .server(expectedName: OperatorName("test.\(name).local"))).get()
      guard case .failure(let refusal) = try await verify("\(name)-sign", as: .client) else { continue }
      #expect(refusal.kind == .wrongPurpose)
    }
  }

  @Test func keysAreForTheirOwnerOnly() throws {
    _ = try make()
    for name in try FileManager.default.contentsOfDirectory(atPath: certificates) where name.hasSuffix(".key") {
      #expect(try folder.mode("dev/certs/\(name)") == 0o600)
    }
  }

  @Test func theRecordsPinWhatTheFilesHold() throws {
    _ = try make()
    let json = try JSONValue(parsing: try folder.read("dev/directory/002_certificates.json"))
    let list = try #require(json["records"]?.array)
    #expect(list.count == DevelopmentRoster.operators.count)
    for record in list {
      let name = try #require(record["name"]?.string)
      #expect(record["section"] == "certificates")
      #expect(RFC3339.parse(try #require(record["created_at"]?.string)) != nil)
      let signing = try Fingerprint(of: try load("\(name)-sign").chain[0]).hex
      let encryption = try Fingerprint(of: try load(name).chain[0]).hex
      #expect(
        record["data"] == [
          ["fingerprint": .string(signing), "key_usage": "signing"], ["fingerprint": .string(encryption), "key_usage": "encryption"],
        ])
    }
  }

  @Test func theUnpinnedCertificatesAreNotInTheRecords() throws {
    _ = try make()
    let text = try folder.read("dev/directory/002_certificates.json")
    for name in ["public-proxy-1", "private-proxy-1"] {
      let alternative = try load("\(name)-alt")
      #expect(alternative.identity?.names.first == OperatorName(name))
      #expect(!text.contains(try #require(alternative.identity?.fingerprint)))
    }
  }

  @Test func signingCertificatesNameTheirOperatorAndGroups() throws {
    _ = try make()
    let certificate = try load("hd-1-sign").chain[0].parsed()
    let names = try #require(try certificate.extensions.subjectAlternativeNames).map { "\($0)" }.joined()
    #expect(names.contains("iris-name://hd-1"))
    #expect(names.contains("iris-group://sd-admin"))
    #expect(try certificate.extensions.keyUsage?.digitalSignature == true)
  }

  @Test(arguments: ["op-1.crt", "op-1.key"])
  func aMissingOrBrokenFileIsMadeAnewAlone(file: String) throws {
    _ = try make()
    let pinned = try folder.read("dev/directory/002_certificates.json")
    try FileManager.default.removeItem(atPath: "\(certificates)/\(file)")
    let report = try make()
    #expect(report.made == ["op-1"])
    #expect(report.recordsWritten)
    #expect(try folder.read("dev/directory/002_certificates.json") != pinned)
    try folder.write("rubbish", to: "dev/certs/\(file)")
    #expect(try make().made == ["op-1"])
    _ = try load("op-1")
  }

  @Test func aKeyThatIsNotTheCertificatesOwnIsReplaced() throws {
    _ = try make()
    try FileManager.default.removeItem(atPath: "\(certificates)/op-1.key")
    try FileManager.default.copyItem(atPath: "\(certificates)/op-2.key", toPath: "\(certificates)/op-1.key")
    #expect(try make().made == ["op-1"])
  }

  @Test func aKeyThatOthersMayReadIsReplaced() throws {
    _ = try make()
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(certificates)/op-1.key")
    #expect(try make().made == ["op-1"])
    #expect(try folder.mode("dev/certs/op-1.key") == 0o600)
  }

  @Test func aCertificateOfOtherNamesIsReplaced() throws {
    _ = try make()
    for suffix in ["crt", "key"] {
      try FileManager.default.removeItem(atPath: "\(certificates)/op-1.\(suffix)")
      try FileManager.default.copyItem(atPath: "\(certificates)/op-2.\(suffix)", toPath: "\(certificates)/op-1.\(suffix)")
    }
    #expect(try make().made == ["op-1"])
  }

  @Test func aNewRootRenewsEverything() throws {
    _ = try make()
    try FileManager.default.removeItem(atPath: "\(certificates)/root.key")
    #expect(try make().made.count == total)
  }

  @Test func aNewIntermediateRenewsTheLeafsButNotTheRoot() throws {
    _ = try make()
    try FileManager.default.removeItem(atPath: "\(certificates)/intermediate.crt")
    #expect(try make().kept == ["root"])
  }

  @Test func whatEndsWithinThirtyDaysIsRenewedAndNothingOutlivesItsIssuer() throws {
    _ = try make()
    #expect(try make(now: day(469)).made.isEmpty)
    let later = try make(now: day(471))
    #expect(later.kept == ["root", "intermediate"])
    let leaf = try load("op-1", now: day(471))
    let issuer = try leaf.chain[1].parsed()
    #expect(try #require(leaf.notValidAfter) == issuer.notValidAfter)
    #expect(try make(now: day(471)).made.isEmpty)
    #expect(try make(now: day(1000)).kept.isEmpty)
  }

  @Test func aClockSetBackRenewsWhatIsNotYetValid() throws {
    _ = try make()
    #expect(try make(now: day(-10)).kept.isEmpty)
  }

  @Test func aSecondRunAtTheSameTimeIsToldToWait() throws {
    _ = try make()
    let lock = try FolderLock(folder: certificates)
    #expect(throws: TrustError(.busy, "")) { try make() }
    withExtendedLifetime(lock) {}
  }

  @Test func aFolderThatCannotBeMadeIsAClearError() throws {
    try folder.write("a file", to: "dev")
    let failure = #expect(throws: TrustError.self) { try make() }
    #expect(failure?.kind == .unwritable)
    #expect(failure?.message.contains(folder["dev"]) == true)
  }
}
