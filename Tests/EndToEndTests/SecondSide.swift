import Foundation
import HyperModel

/// Another private side of a stack: a proxy and a node of their own, of the same operator or of another one.
struct SecondSide: Sendable {
  let proxy: ProgramUnderTest
  let node: ProgramUnderTest

  static let instance = "private-proxy-1"
  static let otherOperator = "hd-1"

  var nodeSocket: String { "second-node.sock" }

  /// Writes settings and, for another operator, what the directory has to say of it; starts nothing.
  ///
  /// - Parameters:
  ///   - name: the operator.
  ///   - announcement: more keys of its announcement of the stack's name.
  ///   - more: more keys of the private proxy.
  init(in stack: Stack, of name: String, announcement: String = "", server: String? = nil, more: String = "") throws {
    let address = server ?? "localhost:\(stack.ports.internalServer)"
    try Self.write(
      """
      private:
        name: \(name)
        datastore: {settings: {filename: run/second-proxy.sqlite}}
        jsonrpc_client: {endpoint: "unix:run/second-node.sock"}
        jsonrpc_server: {bind_address: "unix:run/second-proxy.sock"}
        internal_endpoint: {address: "\(address)"}
        announcements: [{domain: \(Stack.serverName), proxy: public-proxy-1\(announcement)}]
      \(more)
      """, to: "\(stack.folder)/settings/dev/roles/second-proxy/001.yml")
    let certificate = "/$DIR/../../certs/\(name)"
    try Self.write(
      """
      name: \(name)
      directory: {type: json, settings: {path: "/$DIR/../../directory"}}
      channels:
        - name: client
          type: grpc_client
          settings:
            tls:
              ca_certificate_files: ["/$DIR/../../certs/root.crt"]
              certificate_file: "\(certificate).crt"
              key_file: "\(certificate).key"
        - {name: service, type: jsonrpc_client, settings: {endpoint: "unix:run/second-proxy.sock"}}
        - {name: server, type: jsonrpc_server, settings: {bind_address: "unix:run/second-node.sock"}}
      """, to: "\(stack.folder)/settings/dev/roles/second-node/001.yml")
    if name != Self.instance { try Self.write(Self.records(of: name), to: "\(stack.folder)/settings/dev/directory/003_second.json") }
    func program(_ label: String, _ executable: String, _ arguments: [String], _ environment: [String: String?]) -> ProgramUnderTest {
      ProgramUnderTest(
        name: label, executable: "\(Binaries.folder)/\(executable)", arguments: arguments, environment: environment,
        workingDirectory: stack.folder)
    }
    let roles = "settings/dev/roles"
    proxy = program("second private proxy", "proxy", ["run", "private"], ["PROXY_SETTINGS": "\(roles)/second-proxy"])
    node = program("second private node", "hyper", ["server", "run"], ["HYPER_SETTINGS": "\(roles)/second-node"])
  }

  func start() async throws {
    try await node.start()
    try await proxy.start()
    try await node.ready()
    try await proxy.ready()
  }

  /// Ends what still runs.
  func remove() async {
    for program in [proxy, node] where program.isRunning {
      program.send(SIGKILL)
      _ = try? await program.ended()  // how a killed program ended says nothing
    }
  }

  /// Runs a test with it up.
  func run(_ test: () async throws -> Void) async throws {
    do {
      try await start()
      try await test()
    } catch {
      await remove()
      throw error
    }
    await remove()
  }

  private static func records(of name: String) -> String {
    """
    {"records": [
      {"name": "\(name)", "section": "groups", "created_at": "2026-01-01T00:00:00Z", "data": ["health-departments", "proxy-users"]},
      {"name": "\(name)", "section": "services", "created_at": "2026-01-01T00:00:00Z", "data": [{"name": "proxy", "permissions": [],
        "methods": [
          {"name": "incomingConnection", "permissions": [{"group": "proxy-providers", "rights": ["call"]}]},
          {"name": "resyncAnnouncements", "permissions": [{"group": "proxy-providers", "rights": ["call"]}]}
        ]}]}
    ]}
    """
  }

  private static func write(_ text: String, to path: String) throws {
    try FileManager.default.createDirectory(atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }
}
