import Foundation
import HyperModel
import Testing
import Trust

/// One node of ours, `own`, among reference nodes that share no code with it. For all tests of a suite (`.network`).
struct Surroundings: Sendable {
  let network: TestNetwork
  let node: ProgramUnderTest
  let peers: ReferenceNodes
  let ports: [String: Int]

  /// Reference servers: the ones in `callers` may call us and cannot be called by us otherwise, so that we keep a stream to them.
  static let servers = ["server-calls", "server-guard", "server-sizes", "server-stream", "server-aging"]
  static let kept: Set = ["server-stream", "server-aging"]
  /// Servers made by hand, and whose certificate they show.
  static let handmade = ["server-pings", "server-hello", "server-ecdsa", "server-rsa", "server-other-name", "server-other-pin"]
  static let clients = ["client-1", "client-2", "client-3", "client-4", "client-5", "client-6", "client-7", "client-8"]
  static let methods =
    ["echo", "list", "text", "null", "fault", "bare", "fail", "large", "nothing", "_ping", "_directory", "_connectionRequest"]
    + (1...6).map { "hold\($0)" }

  var address: String { "127.0.0.1:\(ports["own"] ?? 0)" }
  func address(of server: String) -> String { "127.0.0.1:\(ports[server] ?? 0)" }

  @TaskLocal private static var shared: Surroundings?

  static var ofSuite: Surroundings {
    get throws {
      guard let shared else { throw TestFailure("the suite has no network") }
      return shared
    }
  }

  static func run(_ test: @Sendable (Surroundings) async throws -> Void) async throws {
    let network = try TestNetwork()
    let peers = ReferenceNodes(in: network)
    do {
      let names = ["own"] + servers + handmade
      let ports = Dictionary(uniqueKeysWithValues: zip(names, try FreePorts.take(names.count)))
      try enroll(in: network, ports: ports)
      let node = try network.node("own", port: ports["own"])
      let surroundings = Surroundings(network: network, node: node, peers: peers, ports: ports)
      try await peers.start()
      try await peers.order("service", ["name": "own", "path": "run/own.service"])
      // The one that ages is started by its test.
      for name in servers where name != "server-aging" {
        try await peers.order("serve", ["at": .string(name), "address": .string(surroundings.address(of: name))])
      }
      try await node.start()
      do {
        try await node.ready()
        try await test(surroundings)
      } catch {
        Issue.record("\(node.name) printed at the end:\n\(node.lines.suffix(30).joined(separator: "\n"))")
        await clear(surroundings)
        throw error
      }
      await clear(surroundings)
    } catch {
      await peers.end()
      network.remove()
      throw error
    }
  }

  private static func clear(_ surroundings: Surroundings) async {
    if surroundings.node.isRunning {
      surroundings.node.send(SIGKILL)
      _ = try? await surroundings.node.ended()  // how a killed program ended says nothing
    }
    await surroundings.peers.end()
    surroundings.network.remove()
  }

  private static func enroll(in network: TestNetwork, ports: [String: Int]) throws {
    var own = TestOperator.server("own", port: ports["own"] ?? 0, groups: ["providers"], more: [["type": "grpc_client"]])
    own.methods = methods
    // Keys that nobody knows, nulls, and a record before the one that counts: rule 16.
    own.channels.append(["type": "other", "settings": nil, "unknown": [1, nil]])
    var members = [own]
    members += servers.map { .server($0, port: ports[$0] ?? 0, groups: kept.contains($0) ? ["callers"] : []) }
    members += handmade.map { name in
      var member = TestOperator.server(name, port: ports[name] ?? 0)
      if name == "server-rsa" { member.key = .rsa2048 }
      return member
    }
    members += clients.map { .client($0) }
    members.append(.client("stranger", groups: []))
    // One certificate for two operators, and for a name that is pinned to another one.
    let shared = try network.issue("first-name", as: "two-names", dnsNames: ["first-name", "second-name", "client-1"])
    for name in ["first-name", "second-name"] {
      var member = TestOperator.client(name)
      member.pin = shared
      members.append(member)
    }
    // Two fingerprints for one operator: the second one is in a file that comes later and counts.
    try network.enroll(members)
    try network.issue("client-1", as: "client-1-unpinned")
    try network.issue("server-other-pin", as: "server-other-pin-shown")
    try network.issue("foreigner", by: CertificateAuthority.makeRoot(commonName: "somebody else"))
  }

  /// A call of a local program.
  func submit(_ method: String, _ params: JSONValue = [:], id: JSONValue = "1") async throws -> JSONValue {
    let done = try await peers.order("submit", ["socket": "run/own.sock", "method": .string(method), "params": params, "id": id])
    return done["answer"] ?? .null
  }

  /// A `Call` of a reference client: a new connection, one call, closed.
  func call(_ method: String, from client: String, _ more: [String: JSONValue] = [:]) async throws -> JSONValue {
    let members: [String: JSONValue] = [
      "own": .string(client), "address": .string(address), "other": "own", "method": .string(method),
    ]
    return try await peers.order("call", members.merging(more) { $1 })
  }

  /// Opens a `ServerCall` stream of a reference client and waits until we have taken it.
  func open(_ key: String, from client: String, _ more: [String: JSONValue] = [:]) async throws {
    let mark = node.lines.count
    try await start(key, from: client, more)
    try await node.line(containing: "stream open", "peer=\(client)", from: mark)
  }

  func start(_ key: String, from client: String, _ more: [String: JSONValue] = [:]) async throws {
    let members: [String: JSONValue] = ["key": .string(key), "own": .string(client), "address": .string(address), "other": "own"]
    try await peers.order("stream", members.merging(more) { $1 })
  }

  func ended(_ key: String) async throws -> JSONValue { try await peers.order("ended", ["key": .string(key)]) }
}

/// Starts the network once for all tests of a suite.
struct SharedNetwork: SuiteTrait, TestScoping {
  var isRecursive: Bool { false }

  @concurrent func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    try await Surroundings.run { try await Surroundings.share($0, with: function) }
  }
}

extension Surroundings {
  fileprivate static func share(_ surroundings: Surroundings, with tests: @Sendable @concurrent () async throws -> Void) async throws {
    try await $shared.withValue(surroundings) { try await tests() }
  }
}

extension Trait where Self == SharedNetwork {
  static var network: SharedNetwork { SharedNetwork() }
}

extension JSONValue {
  /// The text at a path of keys, for comparisons.
  func text(_ keys: String...) -> String? {
    keys.reduce(Optional(self)) { $0?[$1] }?.string
  }
}
