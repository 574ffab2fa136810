import Addresses
import Testing

@Suite struct IPAddressTests {
  @Test(arguments: [
    ("192.0.2.7", "192.0.2.7"), ("0.0.0.0", "0.0.0.0"), ("::", "::"), ("2001:DB8::1", "2001:db8::1"), ("::ffff:192.0.2.7", "192.0.2.7"),
    ("::192.0.2.7", "::192.0.2.7"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
  ])
  func anAddressIsReadAndWritten(text: String, written: String) throws { #expect(try #require(IPAddress(text)).description == written) }

  @Test(arguments: [
    "", "localhost", "192.0.2", "192.0.2.7.1", "192.0.2.256", "192.0.2.07", "0x7f.1", " 192.0.2.7", "192.0.2.7\0", "[::1]", "::1%lo",
    "1::2::3",
    "12345::", String(repeating: "1", count: 1000),
  ])
  func whatIsNoAddressIsNone(text: String) { #expect(IPAddress(text) == nil) }

  @Test func onlyTwoLengthsAreAddresses() {
    for count in 0..<20 { #expect((IPAddress(bytes: Array(repeating: 1, count: count)) != nil) == [4, 16].contains(count)) }
  }

  @Test(arguments: [
    ("203.0.113.77", 24, "203.0.113.0"), ("203.0.113.77", 32, "203.0.113.77"), ("203.0.113.77", 0, "0.0.0.0"),
    ("203.0.113.255", 27, "203.0.113.224"), ("2001:db8:1:2:3:4:5:6", 48, "2001:db8:1::"), ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::"),
    ("2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6"),
  ])
  func maskingKeepsTheFirstBits(text: String, bits: Int, masked: String) throws {
    #expect(try #require(IPAddress(text)).masked(bits: bits).description == masked)
  }

  @Test func anIPv6CustomerIsOneSource() throws {
    let first = try #require(IPAddress("2001:db8:1:2::1"))
    let second = try #require(IPAddress("2001:db8:1:2:ffff::"))
    let other = try #require(IPAddress("2001:db8:1:3::1"))
    #expect(first.source == second.source)
    #expect(first.source != other.source)
    #expect(try #require(IPAddress("192.0.2.7")).source.description == "192.0.2.7")
  }
}
