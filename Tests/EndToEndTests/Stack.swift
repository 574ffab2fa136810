import Foundation
import Glibc
import Testing
import Trust

/// The five programs of the README, with the shipped development settings, in a folder and on ports of their own.
final class Stack: Sendable {
  let folder: String
  let ports: Ports
  let internalServer: ProgramUnderTest
  let publicProxy: ProgramUnderTest
  let privateProxy: ProgramUnderTest
  let publicNode: ProgramUnderTest
  let privateNode: ProgramUnderTest

  static let serverName = "test.internal-server.local"
  static let success = #"{"message":"success"}"#

  /// In the order of the README.
  var all: [ProgramUnderTest] { [internalServer, publicProxy, privateProxy, publicNode, privateNode] }
  var root: String { "\(certificates)/root.crt" }
  var certificates: String { "\(folder)/settings/dev/certs" }

  /// The development ports, each moved to a free one.
  struct Ports: Sendable {
    var tls = 4433
    var tokens = 9999
    var proxyRPC = 6655
    var nodeRPC = 5544
    var grpc = 5556
    var internalServer = 8888

    /// Pairs of development port and the port used here. No text of a free port begins with that of a development port.
    func moves() -> [(from: Int, to: Int)] {
      let development = Ports()
      return [
        (development.tls, tls), (development.tokens, tokens), (development.proxyRPC, proxyRPC), (development.nodeRPC, nodeRPC),
        (development.grpc, grpc), (development.internalServer, internalServer),
      ]
    }
  }

  /// Prepares folder, certificates and settings; starts nothing.
  ///
  /// - Parameters:
  ///   - nodeLevel: the lowest level that the two nodes log.
  ///   - proxyLevel: the same for the two proxies.
  ///   - prepare: called with the folder of the certificates before these are made.
  init(
    _ changes: [SettingsChange] = [], nodeLevel: String = "info", proxyLevel: String = "info",
    prepare: (_ certificates: String) throws -> Void = { _ in }
  ) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/hyper-\(UUID().uuidString.prefix(8))"
    let free = try FreePorts.take(6)
    let ports = Ports(tls: free[0], tokens: free[1], proxyRPC: free[2], nodeRPC: free[3], grpc: free[4], internalServer: free[5])
    self.folder = folder
    self.ports = ports
    Undertaker.shared.watch(folder: folder)
    try Self.copySettings(to: folder, ports: ports, changes: changes)
    try prepare("\(folder)/settings/dev/certs")
    _ = try DevelopmentCA.make(
      certificates: "\(folder)/settings/dev/certs", records: "\(folder)/settings/dev/directory/002_certificates.json", now: Date())

    func program(_ name: String, _ executable: String, _ arguments: [String], _ environment: [String: String?]) -> ProgramUnderTest {
      ProgramUnderTest(
        name: name, executable: "\(Binaries.folder)/\(executable)", arguments: arguments, environment: environment, workingDirectory: folder
      )
    }
    let roles = "settings/dev/roles"
    internalServer = program("internal server", "internal-server", [], ["IS_BIND_ADDRESS": "localhost:\(ports.internalServer)"])
    publicProxy = program(
      "public proxy", "proxy", ["--level", proxyLevel, "run", "public"], ["PROXY_SETTINGS": "\(roles)/public-proxy-1"])
    privateProxy = program(
      "private proxy", "proxy", ["--level", proxyLevel, "run", "private"], ["PROXY_SETTINGS": "\(roles)/private-proxy-1"])
    publicNode = program(
      "public node", "hyper", ["--level", nodeLevel, "server", "run"], ["HYPER_SETTINGS": "\(roles)/public-proxy-hyper-1"])
    privateNode = program(
      "private node", "hyper", ["--level", nodeLevel, "server", "run"], ["HYPER_SETTINGS": "\(roles)/private-proxy-hyper-1"])
  }

  /// Runs a test with all five programs up, and stops whatever still runs afterwards.
  static func run(
    _ changes: [SettingsChange] = [], prepare: (_ certificates: String) throws -> Void = { _ in },
    _ test: (Stack) async throws -> Void
  ) async throws {
    try await prepared(changes, prepare: prepare) { stack in
      for program in stack.all { try await program.start() }
      try await stack.ready()
      try await test(stack)
    }
  }

  /// Runs a test with a stack of which nothing is started, and stops whatever runs afterwards.
  static func prepared(
    _ changes: [SettingsChange] = [], nodeLevel: String = "info", proxyLevel: String = "info",
    prepare: (_ certificates: String) throws -> Void = { _ in }, _ test: (Stack) async throws -> Void
  ) async throws {
    let stack = try Stack(changes, nodeLevel: nodeLevel, proxyLevel: proxyLevel, prepare: prepare)
    do {
      try await test(stack)
    } catch {
      for program in stack.all {
        Issue.record("\(program.name) printed at the end:\n\(program.lines.suffix(15).joined(separator: "\n"))")
      }
      await stack.remove()
      throw error
    }
    await stack.remove()
  }

  /// Waits until every program has printed its ready line.
  func ready() async throws {
    for program in all { try await program.ready() }
  }

  /// Ends what still runs and removes the folder. HYPER_TEST_LOGS names a folder where the logs are to be kept.
  func remove() async {
    for program in all.reversed() where program.isRunning {
      program.send(SIGKILL)
      _ = try? await program.ended()  // how a killed program ended says nothing
    }
    if let target = ProcessInfo.processInfo.environment["HYPER_TEST_LOGS"] {
      keepLogs(in: "\(target)/\((folder as NSString).lastPathComponent)")
    }
    try? FileManager.default.removeItem(atPath: folder)  // there may be nothing, when it could not be made
    Undertaker.shared.release(folder: folder)
  }

  private func keepLogs(in target: String) {
    try? FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    for program in all {
      try? program.lines.joined(separator: "\n").write(toFile: "\(target)/\(program.name).log", atomically: false, encoding: .utf8)
    }
  }

  private static func copySettings(to folder: String, ports: Ports, changes: [SettingsChange]) throws {
    let source = "\(Repository.folder)/settings/dev"
    guard let names = FileManager.default.enumerator(atPath: source) else { throw TestFailure("no \(source)") }
    for case let name as String in names {
      guard name.hasSuffix(".yml") || name.hasSuffix(".json"), !name.hasSuffix("002_certificates.json") else { continue }
      var text = try String(contentsOfFile: "\(source)/\(name)", encoding: .utf8)
      for change in changes where change.file.rawValue == name { text = try change.apply(to: text) }
      for move in ports.moves() { text = text.replacingOccurrences(of: ":\(move.from)", with: ":\(move.to)") }
      let target = "\(folder)/settings/dev/\(name)"
      try FileManager.default.createDirectory(
        atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try text.write(toFile: target, atomically: false, encoding: .utf8)
    }
  }
}
