import Foundation
import HyperModel
import Settings
import Testing

/// The files in settings/dev are what the demo and the quick start use.
@Suite struct DevelopmentSettingsTests {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  func load(_ role: String) throws -> LoadedTree {
    try SettingsLoader.load(sources: "settings/dev/roles/\(role)", variableName: "X", environment: [:], workingDirectory: root)
  }

  /// What `/$DIR/../../certs/…` becomes.
  func certificate(_ name: String, for role: String) -> String { "\(root)/settings/dev/roles/\(role)/../../certs/\(name)" }

  func tls(_ role: String, operatorName: String, serverName: String? = nil) -> TLSSettings {
    TLSSettings(
      caCertificateFiles: [certificate("root.crt", for: role)], certificateFile: certificate("\(operatorName).crt", for: role),
      keyFile: certificate("\(operatorName).key", for: role), serverName: serverName)
  }

  @Test func thePublicProxyLoads() throws {
    let role = "public-proxy-1"
    let network = PublicNetworkSettings(
      name: "public-proxy-1", datastore: DatastoreSettings(filename: "run/public-proxy-1.sqlite"),
      internalBindAddress: .tcp(host: "localhost", port: 9999), internalEndpoint: HostPort(host: "localhost", port: 9999),
      jsonrpcClient: JSONRPCClientSettings(
        endpoint: .https(HTTPLocation(address: HostPort(host: "localhost", port: 5544), path: "/jsonrpc")),
        tls: tls(role, operatorName: "public-proxy-1", serverName: "public-proxy-1")),
      jsonrpcServer: JSONRPCServerSettings(bindAddress: .tcp(host: "localhost", port: 6655), tls: tls(role, operatorName: "public-proxy-1"))
    )
    let expected = PublicProxySettings(tlsBindAddress: .tcp(host: "127.0.0.1", port: 4433), network: network)
    #expect(try ProxySettings(load(role)) == ProxySettings(public: expected))
  }

  @Test func thePrivateProxyLoadsAndListensOnNoPort() throws {
    let expected = PrivateProxySettings(
      name: "private-proxy-1", datastore: DatastoreSettings(filename: "run/private-proxy-1.sqlite"),
      jsonrpcClient: JSONRPCClientSettings(endpoint: .unix(path: "run/private-proxy-hyper-1.sock", httpPath: "/jsonrpc")),
      jsonrpcServer: JSONRPCServerSettings(bindAddress: .unix(path: "run/private-proxy-1.sock")),
      announcements: [AnnouncementSettings(domain: "test.internal-server.local", proxy: "public-proxy-1")])
    #expect(try ProxySettings(load("private-proxy-1")) == ProxySettings(private: expected))
  }

  @Test func theNodeOfThePublicProxyLoads() throws {
    let role = "public-proxy-hyper-1"
    let settings = try NodeSettings(load(role))
    #expect(settings.name == "public-proxy-1")
    #expect(settings.directory.path == "\(root)/settings/dev/roles/\(role)/../../directory")
    #expect(settings.warnings.isEmpty)
    #expect(
      settings.channels.map(\.kind) == [
        .grpcServer(GRPCServerSettings(bindAddress: .tcp(host: "localhost", port: 5556), tls: tls(role, operatorName: "public-proxy-1"))),
        .jsonrpcClient(
          JSONRPCClientSettings(
            endpoint: .https(HTTPLocation(address: HostPort(host: "localhost", port: 6655), path: "/jsonrpc")),
            tls: tls(role, operatorName: "public-proxy-1", serverName: "public-proxy-1"))),
        .jsonrpcServer(
          JSONRPCServerSettings(bindAddress: .tcp(host: "localhost", port: 5544), tls: tls(role, operatorName: "public-proxy-1"))),
      ])
  }

  @Test func theNodeOfThePrivateProxyLoadsAndListensOnNoPort() throws {
    let role = "private-proxy-hyper-1"
    let settings = try NodeSettings(load(role))
    #expect(settings.name == "private-proxy-1")
    #expect(settings.warnings.isEmpty)
    #expect(
      settings.channels.map(\.kind) == [
        .grpcClient(GRPCClientSettings(tls: tls(role, operatorName: "private-proxy-1"))),
        .jsonrpcClient(JSONRPCClientSettings(endpoint: .unix(path: "run/private-proxy-1.sock", httpPath: "/jsonrpc"))),
        .jsonrpcServer(JSONRPCServerSettings(bindAddress: .unix(path: "run/private-proxy-hyper-1.sock"))),
      ])
  }

  @Test func theDirectoryLetsTheDemoHappen() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(root)/settings/dev/directory/001_default.json"))
    let records = try #require(try JSONValue(parsing: bytes)["records"]?.array)
    func data(_ name: String, _ section: String) throws -> [JSONValue] {
      let matching = records.filter { $0["name"] == .string(name) && $0["section"] == .string(section) }
      #expect(matching.count == 1)
      return try #require(matching.first?["data"]?.array)
    }
    #expect(records.allSatisfy { $0["created_at"]?.string.flatMap(RFC3339.parse) != nil })
    #expect(try data("public-proxy-1", "groups") == ["proxy-providers"])
    #expect(try data("private-proxy-1", "groups") == ["proxy-users"])
    #expect(try data("public-proxy-1", "channels").first?["settings"]?["address"] == "localhost:5556")
    #expect(try data("public-proxy-1", "settings").first?["settings"]?["internal_endpoint"] == "localhost:9999")
    #expect(try data("private-proxy-1", "channels") == [["type": "grpc_client"]])
    #expect(try data("private-proxy-1", "settings").first?["settings"]?["allowed_domains"] == [".internal-server.local"])
    #expect(
      try methods(data("public-proxy-1", "services"), of: "proxy-users") == [
        "_directory", "_ping", "announceConnections", "getAnnouncements", "withdrawConnections",
      ])
    #expect(
      try methods(data("private-proxy-1", "services"), of: "proxy-providers") == ["_ping", "incomingConnection", "resyncAnnouncements"])
    #expect(
      try methods(data("private-proxy-1", "services"), of: "health-departments") == [
        "_ping", "announceConnection", "getAnnouncements", "withdrawConnection", "withdrawConnections",
      ])
  }

  /// The methods of the service `proxy` that a group may call.
  func methods(_ services: [JSONValue], of group: String) -> [String] {
    let methods = services.first { $0["name"] == "proxy" }?["methods"]?.array ?? []
    return methods.filter { method in
      method["permissions"]?.array?.contains { $0["group"] == .string(group) && $0["rights"] == ["call"] } == true
    }.compactMap { $0["name"]?.string }.sorted()
  }
}
