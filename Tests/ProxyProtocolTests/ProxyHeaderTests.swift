import Addresses
import ProxyProtocol
import Testing

@Suite struct ProxyHeaderTests {
  private func endpoint(_ address: String, _ port: UInt16) throws -> ProxyHeader.Endpoint {
    ProxyHeader.Endpoint(address: try #require(IPAddress(address)), port: port)
  }

  private func line(_ header: ProxyHeader) -> String { String(decoding: header.bytes(.v1), as: UTF8.self) }

  @Test func theTextLineNamesBothEnds() throws {
    let four = ProxyHeader(client: try endpoint("192.0.2.7", 52_011), destination: try endpoint("198.51.100.1", 443), authority: "a.org")
    #expect(line(four) == "PROXY TCP4 192.0.2.7 198.51.100.1 52011 443\r\n")
    let six = ProxyHeader(client: try endpoint("2001:db8::1", 1), destination: try endpoint("2001:db8::2", 65_535))
    #expect(line(six) == "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n")
  }

  @Test func whatIsNotKnownIsNotMadeUp() throws {
    #expect(line(ProxyHeader(client: nil)) == "PROXY UNKNOWN\r\n")
    #expect(line(ProxyHeader(client: nil, destination: try endpoint("192.0.2.7", 1))) == "PROXY UNKNOWN\r\n")
    #expect(line(ProxyHeader(client: try endpoint("192.0.2.7", 1))) == "PROXY TCP4 192.0.2.7 0.0.0.0 1 0\r\n")
    #expect(line(ProxyHeader(client: try endpoint("::1", 1))) == "PROXY TCP6 ::1 :: 1 0\r\n")
    let mixed = ProxyHeader(client: try endpoint("192.0.2.7", 1), destination: try endpoint("::1", 443))
    #expect(line(mixed) == "PROXY TCP4 192.0.2.7 0.0.0.0 1 0\r\n")
  }

  @Test func theLongestLineHasRoom() throws {
    let address = try endpoint("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65_535)
    #expect(ProxyHeader(client: address, destination: address).bytes(.v1).count <= 107)
  }

  /// Written by an independent program.
  @Test func theBinaryHeaderIsByteForByteWhatTheTextSays() throws {
    let full = ProxyHeader(
      client: try endpoint("192.0.2.7", 52_011), destination: try endpoint("198.51.100.1", 443), authority: "a.example.org",
      offeredProtocols: [Array("h2".utf8)], uniqueID: Array("0-1f".utf8))
    #expect(hex(full.bytes(.v2)) == Self.full)
    let some = ProxyHeader(
      client: try endpoint("2001:db8::1", 1), authority: "a.example.org", offeredProtocols: [Array("h2".utf8), Array("http/1.1".utf8)])
    #expect(hex(some.bytes(.v2)) == Self.some)
    #expect(hex(ProxyHeader(client: nil).bytes(.v2)) == Self.nothing)
  }

  static let full =
    "0d0a0d0a000d0a515549540a2111002fc0000207c6336401cb2b01bb010002683202000d612e6578616d706c652e6f7267050004302d3166030004e7"
    + "3bb4ee"
  static let some =
    "0d0a0d0a000d0a515549540a2121003b20010db8000000000000000000000001000000000000000000000000000000000001000002000d612e657861"
    + "6d706c652e6f7267030004cfc3f79d"
  static let nothing = "0d0a0d0a000d0a515549540a210000070300043ec9894e"

  @Test func whatDoesNotFitIsLeftOut() throws {
    let long = [UInt8](repeating: 0x61, count: 256)
    let header = ProxyHeader(
      client: nil, authority: String(decoding: long, as: UTF8.self), offeredProtocols: [long], uniqueID: Array(long.prefix(129)))
    #expect(header.bytes(.v2) == ProxyHeader(client: nil).bytes(.v2))
    let empty = ProxyHeader(client: nil, authority: "", offeredProtocols: [[]], uniqueID: [])
    #expect(empty.bytes(.v2) == ProxyHeader(client: nil).bytes(.v2))
  }

  func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
