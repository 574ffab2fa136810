@testable import Addresses
import Testing

@Suite struct AddressPrivacyTests {
  private let four = IPAddress("203.0.113.77")
  private let six = IPAddress("2001:db8:1:2::9")

  private func text(_ privacy: AddressPrivacy, _ address: IPAddress?, port: Int? = 52_011) throws -> String? {
    var generator = SystemRandomNumberGenerator()
    var writer = AddressWriter(privacy)
    return writer.text(try #require(address), port: port, day: 1, using: &generator)
  }

  @Test func asMuchIsWrittenAsMayBe() throws {
    #expect(try text(.full, four) == "203.0.113.77:52011")
    #expect(try text(.full, six) == "[2001:db8:1:2::9]:52011")
    #expect(try text(.full, six, port: nil) == "2001:db8:1:2::9")
    #expect(try text(.truncated, four) == "203.0.113.0/24")
    #expect(try text(.truncated, six) == "2001:db8:1::/48")
    #expect(try text(.none, four) == nil)
  }

  @Test func aPseudonymHoldsForADay() throws {
    var generator = SystemRandomNumberGenerator()
    var writer = AddressWriter(.hashed)
    let four = try #require(four)
    let first = try #require(writer.text(four, port: 1, day: 7, using: &generator))
    #expect(first.hasPrefix("client-") && first.count == 7 + 16)
    #expect(!first.contains("203"))
    #expect(writer.text(four, port: 2, day: 7, using: &generator) == first)
    #expect(writer.text(try #require(six), day: 7, using: &generator) != first)
    #expect(writer.text(four, day: 8, using: &generator) != first)
    // Yesterday's key is gone, also for a clock that goes back.
    #expect(writer.text(four, day: 7, using: &generator) != first)
    var another = AddressWriter(.hashed)
    #expect(another.text(four, day: 7, using: &generator) != first)
  }

  @Test func theAddressesOfOneIPv6CustomerHaveOnePseudonym() throws {
    var generator = SystemRandomNumberGenerator()
    var writer = AddressWriter(.hashed)
    let texts = try ["2001:db8:1:2::1", "2001:db8:1:2:ffff::7", "2001:db8:1:3::1"].map { address in
      writer.text(try #require(IPAddress(address)), day: 1, using: &generator)
    }
    #expect(texts[0] == texts[1])
    #expect(texts[0] != texts[2])
  }

  /// The vectors of the authors' reference code: key 00…0f, inputs 00, 00 01, ….
  @Test func theHashIsSipHash() {
    let key: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
    let expected: [Int: UInt64] = [
      0: 0x726f_db47_dd0e_0e31, 1: 0x74f8_39c5_93dc_67fd, 7: 0xab02_00f5_8b01_d137, 8: 0x93f5_f579_9a93_2462,
      15: 0xa129_ca61_49be_45e5, 16: 0x3f2a_cc7f_57c2_9bdb, 63: 0x958a_324c_eb06_4572,
    ]
    for (length, hash) in expected { #expect(SipHash.hash((0..<length).map { UInt8($0) }, key: key) == hash, "\(length)") }
  }

  @Test func theHeaderCarriesTheAddressOrTheNetworkOrNothing() throws {
    let (four, six) = (try #require(four), try #require(six))
    #expect(HeaderPrivacy.full.reduced(four, port: 9).map { "\($0.address) \($0.port)" } == "203.0.113.77 9")
    #expect(HeaderPrivacy.truncated.reduced(four, port: 9).map { "\($0.address) \($0.port)" } == "203.0.113.0 0")
    #expect(HeaderPrivacy.truncated.reduced(six, port: 9).map { "\($0.address) \($0.port)" } == "2001:db8:1:: 0")
    #expect(HeaderPrivacy.none.reduced(four, port: 9) == nil)
  }
}
