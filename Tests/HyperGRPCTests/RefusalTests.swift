import Harness
import HyperModel
import Operations
import Testing
import Trust

@testable import HyperGRPC

import struct Foundation.Date

/// Peers that are not who they should be: both ends refuse them, and say which check failed.
@Suite(.timeLimit(.minutes(2))) struct RefusalTests {
  private enum Fault: CaseIterable {
    case otherAuthority, expired, notPinned, otherName
  }

  private static func credentials(_ fault: Fault, name: OperatorName, in mesh: Mesh) throws -> Credentials {
    let root = [try mesh.authority.rootPEM]
    switch fault {
    case .otherAuthority:
      let other = try CertificateAuthority.makeRoot(commonName: "other root")
      let issued = try other.issue(commonName: name.text)
      mesh.directory.change { $0[name]?.certificates = [.init(fingerprint: issued.fingerprint.hex, keyUsage: "encryption")] }
      return try issued.credentials(trusting: root)
    case .expired:
      let issued = try mesh.authority.issue(
        commonName: name.text, notBefore: Date(timeIntervalSinceNow: -7200), notAfter: Date(timeIntervalSinceNow: -3600))
      mesh.directory.change { $0[name]?.certificates = [.init(fingerprint: issued.fingerprint.hex, keyUsage: "encryption")] }
      return try issued.credentials(trusting: root)
    case .notPinned:
      return try mesh.authority.issue(commonName: name.text).credentials(trusting: root)
    case .otherName:
      return try mesh.authority.issue(commonName: "somebody-else").credentials(trusting: root)
    }
  }

  private static func words(_ fault: Fault, atServer: Bool) -> String {
    switch fault {
    case .otherAuthority: "does not chain to a trusted authority"
    case .expired: "expired at"
    case .notPinned: "is not pinned in the directory"
    case .otherName: atServer ? "is not pinned in the directory" : "is not for \"public-1\""
    }
  }

  @Test(arguments: Fault.allCases) private func aServerRefusesAClient(_ fault: Fault) async throws {
    let pair = try await ChannelTests.Pair()
    let impostor = Party(
      name: "private-1", issued: pair.privateParty.issued, credentials: try Self.credentials(fault, name: "private-1", in: pair.mesh))
    let client = pair.mesh.client(impostor, handler: TestHandler())
    try await Running.with(pair.server, client) { _ in
      let failure = await #expect(throws: CallFailure.self) { try await client.call("public-1") }
      #expect(failure?.message.contains("peer refused our certificate") == true, "\(failure?.message ?? "")")
      let words = Self.words(fault, atServer: true)
      try await eventually("the server said why") { pair.publicParty.logger.text.contains(words) }
      #expect(!pair.server.canDeliver(to: "private-1"))
      #expect(impostor.logger.count(of: "link down") == 1)
    }
    #expect(pair.publicParty.metrics.exposition().contains(#"hyper_grpc_refused_connections_total{cause="certificate"}"#))
  }

  @Test(arguments: Fault.allCases) private func aClientRefusesAServer(_ fault: Fault) async throws {
    let pair = try await ChannelTests.Pair()
    let impostor = Party(
      name: "public-1", issued: pair.publicParty.issued, credentials: try Self.credentials(fault, name: "public-1", in: pair.mesh))
    let server = pair.mesh.server(impostor, handler: TestHandler())
    pair.mesh.announce(impostor, port: try await server.bind())
    try await Running.with(server, pair.client) { _ in
      let failure = await #expect(throws: CallFailure.self) { try await pair.client.call("public-1") }
      #expect(failure?.message.contains(Self.words(fault, atServer: false)) == true, "\(failure?.message ?? "")")
    }
  }

  @Test func aNewPinInTheDirectoryIsTriedAtOnce() async throws {
    let pair = try await ChannelTests.Pair()
    let good = pair.mesh.directory.current["private-1"]?.certificates ?? []
    pair.mesh.directory.change { $0["private-1"]?.certificates = [] }
    try await Running.with(pair.server, pair.client) { _ in
      try await eventually("refused") { pair.privateParty.logger.count(of: "link down") == 1 }
      pair.mesh.directory.change { $0["private-1"]?.certificates = good }
      // Sooner than the 24 to 36 s after a refusal.
      try await eventually("let in", within: .seconds(20)) { pair.server.canDeliver(to: "private-1") }
    }
  }
}
