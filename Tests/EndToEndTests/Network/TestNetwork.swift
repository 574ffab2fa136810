import Foundation
import HyperModel
import Subprocess
import Trust

/// A network of its own for a test: an authority, a JSON directory, real nodes, and processes full of reference nodes.
///
/// `operators` is what the directory says; it is behind its mutex, and written to the directory's files as a whole.
final class TestNetwork: Sendable {
  let folder: String
  let authority: CertificateAuthority

  var directory: String { "\(folder)/directory" }

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/hyper-\(UUID().uuidString.prefix(8))"
    Undertaker.shared.watch(folder: folder)
    for name in ["directory", "run"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
    authority = try CertificateAuthority.makeRoot(commonName: "test root").makeIntermediate(commonName: "test intermediate")
    try authority.rootPEM.write(toFile: "\(folder)/root.pem", atomically: false, encoding: .utf8)
  }

  func remove() {
    try? FileManager.default.removeItem(atPath: folder)  // what is left is removed by the undertaker
    Undertaker.shared.release(folder: folder)
  }

  /// Writes NAME.crt and NAME.key.
  ///
  /// - Parameter file: another name for the files.
  @discardableResult
  func issue(
    _ name: String, as file: String? = nil, dnsNames: [String]? = nil, key: CertificateRequest.Key = .p256,
    by other: CertificateAuthority? = nil
  ) throws -> Fingerprint {
    let issued = try (other ?? authority).issue(CertificateRequest(commonName: name, dnsNames: dnsNames, key: key))
    let path = "\(folder)/\(file ?? name)"
    try issued.write(certificateFile: path + ".crt", keyFile: path + ".key")
    return issued.fingerprint
  }

  /// Puts operators into a file of the directory; each gets a certificate, which is pinned, unless it has one.
  func enroll(_ operators: [TestOperator], in file: String = "001.json") throws {
    let records = try operators.flatMap { member -> [JSONValue] in
      let pin = try member.pin ?? issue(member.name, dnsNames: member.dnsNames, key: member.key)
      return member.records(pins: [pin])
    }
    try write(records, to: file)
  }

  /// Replaces a file of the directory as a whole.
  func write(_ records: [JSONValue], to file: String) throws {
    let text = JSONValue.object(["records": .array(records)]).text
    try Data(text.utf8).write(to: URL(filePath: "\(directory)/\(file)"), options: .atomic)
  }

  /// A node with the channels that its operator needs, from settings of its own.
  ///
  /// - Parameters:
  ///   - port: where its `grpc_server` listens; nil when it has none.
  ///   - callTimeout: what a local call may take, in seconds.
  func node(_ name: String, port: Int?, callTimeout: Double = 30, level: String = "debug") throws -> ProgramUnderTest {
    let tls: JSONValue = [
      "ca_certificate_files": [.string("\(folder)/root.pem")], "certificate_file": .string("\(folder)/\(name).crt"),
      "key_file": .string("\(folder)/\(name).key"),
    ]
    var channels: [JSONValue] = [
      ["name": "out", "type": "grpc_client", "settings": ["tls": tls]],
      ["name": "service", "type": "jsonrpc_client", "settings": ["endpoint": .string("unix:run/\(name).service")]],
      [
        "name": "programs", "type": "jsonrpc_server",
        "settings": ["bind_address": .string("unix:run/\(name).sock"), "limits": ["call_timeout": .number(callTimeout)]],
      ],
    ]
    if let port {
      channels.insert(
        ["name": "in", "type": "grpc_server", "settings": ["bind_address": .string("127.0.0.1:\(port)"), "tls": tls]], at: 0)
    }
    let settings: JSONValue = [
      "name": .string(name), "directory": ["type": "json", "settings": ["path": .string(directory)]],
      "metrics": ["bind_address": .string("unix:run/\(name).metrics")], "channels": .array(channels),
    ]
    try settings.text.write(toFile: "\(folder)/\(name).json", atomically: false, encoding: .utf8)
    return ProgramUnderTest(
      name: name, executable: "\(Binaries.folder)/hyper", arguments: ["--level", level, "server", "run"],
      environment: ["HYPER_SETTINGS": "\(name).json"], workingDirectory: folder)
  }

  /// Tells the callers of `steadily` that wait for this file to stop.
  func finish(_ file: String) throws { try Data().write(to: URL(filePath: "\(folder)/\(file)")) }

  func metrics(of name: String) async throws -> Metrics {
    let output = try await Output.of(
      "curl", ["-fsS", "--max-time", "10", "--unix-socket", "run/\(name).metrics", "http://localhost/metrics"], in: folder)
    guard output.status == .exited(0) else { throw TestFailure("metrics of \(name): \(output.errors)") }
    return Metrics(parsing: output.text)
  }
}

/// An operator as the directory has it.
struct TestOperator: Sendable {
  var name: String
  var groups: [String] = []
  var channels: [JSONValue]
  /// Methods of its one service, and the group that may call them.
  var methods: [String] = []
  var callers = "callers"
  var dnsNames: [String]?
  var key = CertificateRequest.Key.p256
  /// The fingerprint in the directory when it is not that of NAME.crt.
  var pin: Fingerprint?

  /// Can be dialled.
  static func server(_ name: String, port: Int, groups: [String] = [], more: [JSONValue] = []) -> TestOperator {
    let server: JSONValue = ["type": "grpc_server", "settings": ["address": .string("127.0.0.1:\(port)")]]
    return TestOperator(name: name, groups: groups, channels: [server] + more)
  }

  /// Dials only.
  static func client(_ name: String, groups: [String] = ["callers"]) -> TestOperator {
    TestOperator(name: name, groups: groups, channels: [["type": "grpc_client"]])
  }

  func records(pins: [Fingerprint]) -> [JSONValue] {
    func record(_ section: String, _ data: JSONValue) -> JSONValue {
      ["name": .string(name), "section": .string(section), "created_at": "2026-01-01T00:00:00Z", "data": data]
    }
    let permission: JSONValue = ["group": .string(callers), "rights": ["call"]]
    let service: JSONValue = [
      "name": "service", "permissions": [permission], "methods": .array(methods.map { ["name": .string($0)] }),
    ]
    return [
      record("certificates", .array(pins.map { ["fingerprint": .string($0.hex), "key_usage": "encryption"] })),
      record("groups", .array(groups.map(JSONValue.string))), record("channels", .array(channels)),
    ] + (methods.isEmpty ? [] : [record("services", [service])])
  }
}
