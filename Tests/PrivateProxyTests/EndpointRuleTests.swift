import HyperModel
import Testing

@testable import PrivateProxy

@Suite struct EndpointRuleTests {
  private func entry(
    settings: [String: JSONValue]? = nil, address: JSONValue? = nil, service: String = "proxy", for operatorName: String = ""
  ) -> DirectoryEntry {
    var entry = DirectoryEntry(name: "public-proxy-1")
    if let settings { entry.settings = [.init(operatorName: operatorName, service: service, settings: settings)] }
    if let address { entry.channels = [.init(type: "grpc_client"), .init(type: "grpc_server", settings: ["address": address])] }
    return entry
  }

  @Test func whatTheAnnouncementAllowsCountsAlone() {
    let entry = entry(settings: ["internal_endpoint": "edge.example.org:9999"])
    #expect(EndpointRule.endpoints(allowed: ["other.example.org:1"], entry: entry, ownName: "me") == ["other.example.org:1"])
  }

  @Test func otherwiseTheDirectoryEntryOfThePublicProxyCounts() {
    let entry = entry(settings: ["internal_endpoint": "edge.example.org:9999"], address: "grpc.example.org:5556")
    #expect(EndpointRule.endpoints(allowed: [], entry: entry, ownName: "me") == ["edge.example.org:9999"])
  }

  @Test func settingsTowardsAnotherOperatorDoNotCount() {
    let entry = entry(settings: ["internal_endpoint": "edge.example.org:9999"], address: "grpc.example.org:5556", for: "somebody-else")
    #expect(EndpointRule.endpoints(allowed: [], entry: entry, ownName: "me") == ["grpc.example.org:9999"])
  }

  @Test(arguments: [("grpc.example.org:5556", "grpc.example.org:9999"), ("[2001:db8::1]:5556", "[2001:db8::1]:9999")])
  func withoutSettingsItIsTheHostOfTheGRPCServerWithPort9999(address: String, endpoint: String) {
    #expect(EndpointRule.endpoints(allowed: [], entry: entry(address: .string(address)), ownName: "me") == [endpoint])
  }

  @Test(arguments: [JSONValue.null, .integer(5), .string("nohost"), .string(":5")])
  func anAddressThatIsNoneAllowsNothing(address: JSONValue) {
    #expect(EndpointRule.endpoints(allowed: [], entry: entry(address: address), ownName: "me").isEmpty)
  }

  @Test func hostNamesCompareWithoutCaseAndPortsCount() {
    #expect(EndpointRule.permits("Edge.Example.ORG:9999", among: ["edge.example.org:9999"]))
    #expect(!EndpointRule.permits("edge.example.org:9998", among: ["edge.example.org:9999"]))
    #expect(!EndpointRule.permits("edge.example.org.evil.net:9999", among: ["edge.example.org:9999"]))
    #expect(!EndpointRule.permits("127.0.0.1:22", among: []))
  }
}
