import HyperModel
import ProxyProtocol
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
    settings.internalEndpoints = endpoints.map { InternalEndpointSettings($0) }
    return try InternalServers(settings)
  }

  private let unix = RouteSettings(domain: "a.example", address: .unix(path: "run/a.sock"))
  private let h2 = RouteSettings(domain: "*.example", alpn: ["h2"], address: .tcp(HostPort(host: "::1", port: 1)))

  @Test func aSingleServerNeedsNoHello() throws {
    let standard = DialAddress.tcp(HostPort(host: "localhost", port: 8888))
    #expect(try servers(standard: standard).only == .init(target: .host("localhost", port: 8888)))
    #expect(try servers([unix], standard: standard).only == nil)
  }

  @Test func nameAndProtocolsChoose() throws {
    let servers = try servers([unix, h2])
    #expect(servers.choose("a.example", alpn: []) == .server(.init(target: .unix(path: "run/a.sock"))))
    #expect(servers.choose("b.example", alpn: [Array("h2".utf8)]) == .server(.init(target: .host("::1", port: 1))))
    #expect(servers.choose("b.example", alpn: []) == .noProtocol)
    #expect(servers.choose("b.other", alpn: []) == .noServer)
  }

  @Test func theDefaultGetsWhatIsLeft() throws {
    let servers = try servers([unix, h2], standard: .tcp(HostPort(host: "127.0.0.1", port: 2)))
    #expect(servers.choose("b.example", alpn: []) == .server(.init(target: .host("127.0.0.1", port: 2))))
    #expect(servers.choose("b.other", alpn: []) == .server(.init(target: .host("127.0.0.1", port: 2))))
  }

  @Test func aNameIsOfflineWhenAllItsServersAreDown() throws {
    let standard = DialAddress.tcp(HostPort(host: "127.0.0.1", port: 2))
    let servers = try servers([unix, h2], standard: standard)
    #expect(!servers.isOffline("a.example", down: []))
    #expect(servers.isOffline("a.example", down: ["unix:run/a.sock"]))
    #expect(!servers.isOffline("b.example", down: ["[::1]:1"]))
    #expect(servers.isOffline("b.example", down: ["[::1]:1", "127.0.0.1:2"]))
    #expect(servers.isOffline("*.other", down: ["127.0.0.1:2"]))
    #expect(try !self.servers([unix]).isOffline("b.other", down: ["unix:run/a.sock"]))
    #expect(Set(servers.addresses.keys) == ["unix:run/a.sock", "[::1]:1", "127.0.0.1:2"])
  }

  @Test func everyServerHasItsOwnHeader() throws {
    var settings = PrivateProxySettings(
      name: "p", datastore: DatastoreSettings(filename: "f"),
      jsonrpcClient: JSONRPCClientSettings(endpoint: .unix(path: "n", httpPath: "/")),
      jsonrpcServer: JSONRPCServerSettings(bindAddress: .unix(path: "p")))
    settings.internalEndpoints = [InternalEndpointSettings(unix, proxyProtocol: .v1), InternalEndpointSettings(h2)]
    settings.proxyProtocol = .v2
    let servers = try InternalServers(settings)
    #expect(servers.choose("a.example", alpn: []) == .server(.init(target: .unix(path: "run/a.sock"), proxyProtocol: .v1)))
    #expect(servers.choose("b.example", alpn: [Array("h2".utf8)]) == .server(.init(target: .host("::1", port: 1))))
    #expect(servers.choose("b.other", alpn: []) == .server(.init(target: .host("localhost", port: 8888), proxyProtocol: .v2)))
    settings.internalEndpoints = []
    #expect(try InternalServers(settings).only == .init(target: .host("localhost", port: 8888), proxyProtocol: .v2))
  }
}
