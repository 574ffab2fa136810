import Addresses
import Testing

@Suite struct SourceTests {
  @Test(arguments: [
    ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
    ("::1", "::/64"), ("255.255.255.255", "255.255.255.255"),
  ]) func isAnAddressOrTheNetworkOfOne(address: String, text: String) throws {
    #expect(try #require(Source(address)).description == text)
  }

  @Test(arguments: ["", "localhost", "1.2.3", "[::1]", "1.2.3.4:5", "::g", "fe80::1%eth0"]) func otherTextIsNone(text: String) {
    #expect(Source(text) == nil)
  }

  @Test func addressesOfOneNetworkAreOneSourceAndFamiliesStayApart() throws {
    let key = { try #require(Source($0)) }
    #expect(try key("2001:db8::1") == key("2001:db8::ffff:1"))
    #expect(try key("2001:db8::1") != key("2001:db8:0:1::1"))
    #expect(try key("::1") != key("0.0.0.0"))
  }
}
