import Addresses
import Foundation
import Relay
import Settings
import Testing

@testable import Wiring

@Suite struct ClientAddressesTests {
  private func addresses(_ privacy: AddressPrivacy) -> ClientAddresses {
    var settings = PrivacySettings()
    settings.logs = privacy
    return ClientAddresses(settings)
  }

  private let client = SocketAddressText(host: "203.0.113.77", port: 52_011)

  @Test func byDefaultOnlyTheNetworkIsWritten() {
    #expect(ClientAddresses(PrivacySettings()).text(client) == "203.0.113.0/24")
    #expect(ClientAddresses(PrivacySettings()).text(SocketAddressText(host: "2001:db8:1:2::9", port: 1)) == "2001:db8:1::/48")
  }

  @Test func theSettingSaysHowMuch() {
    #expect(addresses(.full).text(client) == "203.0.113.77:52011")
    #expect(addresses(.none).text(client) == nil)
  }

  @Test func aPseudonymChangesWithTheDayOfUTC() {
    let addresses = addresses(.hashed)
    let night = Date(timeIntervalSince1970: 86_400 * 20_000 - 1)
    let first = addresses.text(client, at: night)
    #expect(first == addresses.text(client, at: night.addingTimeInterval(-80_000)))
    #expect(first != addresses.text(client, at: night.addingTimeInterval(1)))
    #expect(first?.contains("203") == false)
  }

  @Test func whatIsNoAddressOfTheInternetStaysAsItIs() {
    #expect(addresses(.none).text(SocketAddressText(host: "unix", port: 0)) == "unix")
  }
}
