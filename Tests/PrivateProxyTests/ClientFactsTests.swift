import Addresses
import HyperModel
import ProxyProtocol
import Testing

@testable import PrivateProxy

@Suite struct ClientFactsTests {
  @Test func whatANoticeSaysBecomesAHeader() throws {
    let facts = ClientFacts([
      "client_address": "2001:db8::7", "client_port": 52011, "server_name": "a.example", "alpn": ["h2"], "stream": "0-17-3",
    ])
    let header = facts.header(.full)
    #expect(header.client == .init(address: try #require(IPAddress("2001:db8::7")), port: 52011))
    #expect(header.authority == "a.example")
    #expect(header.offeredProtocols == [Array("h2".utf8)])
    #expect(header.uniqueID == Array("0-17-3".utf8))
  }

  @Test func theHeaderSaysAsMuchOfTheAddressAsItMay() {
    let facts = ClientFacts(["client_address": "203.0.113.77", "client_port": 52011])
    #expect(facts.header(.truncated).client == IPAddress("203.0.113.0").map { .init(address: $0, port: 0) })
    #expect(facts.header(.none).client == nil)
    #expect(facts.header(.none).bytes(.v1) == Array("PROXY UNKNOWN\r\n".utf8))
  }

  @Test func protocolsAreBytes() {
    #expect(ClientFacts(["alpn": ["\u{DA}\u{DA}", "h2", "\u{100}", 5]]).alpn == [[0xDA, 0xDA], Array("h2".utf8)])
  }

  @Test(
    arguments: [
      [:], ["client_address": "192.0.2.1"], ["client_address": "unknown", "client_port": 1], ["client_address": 5, "client_port": 1],
      ["client_address": "192.0.2.1", "client_port": 65_536], ["client_address": "192.0.2.1", "client_port": -1],
    ] as [[String: JSONValue]])
  func whatANoticeDoesNotSayIsUnknown(params: [String: JSONValue]) {
    #expect(ClientFacts(params).client == nil)
    #expect(ClientFacts(params).header(.full).bytes(.v1) == Array("PROXY UNKNOWN\r\n".utf8))
  }
}
