import HyperModel
import JSONRPC
import Testing
import Trust
import Wiring

@Suite struct OwnOperatorTests {
  private let own = OwnOperator(name: "public-proxy-1", allowsAnonymous: false) { ["aa11"] }

  @Test func thePinnedCertificateOfTheOwnOperatorIsLetIn() {
    #expect(own.refusal(of: .certificate(PeerIdentity(names: ["public-proxy-1"], fingerprint: "aa11"))) == nil)
  }

  @Test func localUsersAreLetInBecauseTheServerHasCheckedThem() {
    #expect(own.refusal(of: .localUser(uid: 1000)) == nil)
  }

  @Test func anotherOperatorIsRefusedByName() throws {
    let fault = try #require(own.refusal(of: .certificate(PeerIdentity(names: ["hd-1"], fingerprint: "aa11"))))
    #expect(fault.code == 403)
    #expect(fault.message.contains("hd-1") && fault.message.contains("public-proxy-1"))
  }

  @Test func theOwnNameWithAnotherFingerprintIsRefusedAndSaysSo() throws {
    let fault = try #require(own.refusal(of: .certificate(PeerIdentity(names: ["public-proxy-1"], fingerprint: "bb22"))))
    #expect(fault.code == 403)
    #expect(fault.message.contains("not the pinned one") && fault.message.contains("make certs"))
  }

  @Test func withoutACertificateOnlyAnOpenListenerLetsIn() throws {
    #expect(try #require(own.refusal(of: .anonymous)).code == 403)
    #expect(OwnOperator(name: "public-proxy-1", allowsAnonymous: true) { [] }.refusal(of: .anonymous) == nil)
  }
}
