import HyperModel
import Relay
import Settings
import Testing

@testable import PrivateProxy

@Suite struct InternalServersTests {
  private func servers(_ endpoints: [RouteSettings] = [], standard: DialAddress? = nil) throws -> InternalServers {
    var settings = PrivateProxySettings(
      name: "p", datastore: DatastoreSettings(filename: "f"),
      jsonrpcClient: JSONRPCClientSettings(endpoint: .unix(path: "n", httpPath: "/")),
      jsonrpcServer: JSONRPCServerSettings(bindAddress: .unix(path: "p")))
    settings.internalEndpoint = standard
    settings.internalEndpoints = endpoints
    return try InternalServers(settings)
  }

  private let unix = RouteSettings(domain: "a.example", address: .unix(path: "run/a.sock"))
  private let h2 = RouteSettings(domain: "*.example", alpn: ["h2"], address: .tcp(HostPort(host: "::1", port: 1)))

  @Test func aSingleServerNeedsNoHello() throws {
    let standard = DialAddress.tcp(HostPort(host: "localhost", port: 8888))
    #expect(try servers(standard: standard).only == .host("localhost", port: 8888))
    #expect(try servers([unix], standard: standard).only == nil)
  }

  @Test func nameAndProtocolsChoose() throws {
    let servers = try servers([unix, h2])
    #expect(servers.choose("a.example", alpn: []) == .server(.unix(path: "run/a.sock")))
    #expect(servers.choose("b.example", alpn: [Array("h2".utf8)]) == .server(.host("::1", port: 1)))
    #expect(servers.choose("b.example", alpn: []) == .noProtocol)
    #expect(servers.choose("b.other", alpn: []) == .noServer)
  }

  @Test func theDefaultGetsWhatIsLeft() throws {
    let servers = try servers([unix, h2], standard: .tcp(HostPort(host: "127.0.0.1", port: 2)))
    #expect(servers.choose("b.example", alpn: []) == .server(.host("127.0.0.1", port: 2)))
    #expect(servers.choose("b.other", alpn: []) == .server(.host("127.0.0.1", port: 2)))
  }
}
