import Foundation
import Harness
import HyperModel
import Subprocess
import Synchronization
import Testing
import Trust

/// The independent peer of `peer/*.py`, in its own process, with its certificate in a temporary folder.
struct PythonPeer: Sendable {
  let folder: String
  let python: String

  private static let sources = URL(filePath: #filePath).deletingLastPathComponent()

  /// Writes the certificate of `party` for the peer.
  /// - Throws: with a message that says what is missing when Python or its packages cannot be had; tests never skip.
  init(_ party: Party) async throws {
    python = try await Self.interpreter.value
    folder = NSTemporaryDirectory() + "hyper-peer-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(party.issued.rootPEM.utf8).write(to: URL(filePath: folder + "/root.pem"))
    try Data(party.issued.chainPEM.utf8).write(to: URL(filePath: folder + "/chain.pem"))
    try Data(party.issued.keyPEM.utf8).write(to: URL(filePath: folder + "/key.pem"))
  }

  func removeFolder() {
    // A folder that stays behind is no failure of the test.
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// The interpreter of tools/python-peer.sh, asked once per test process.
  private static let interpreter = Task<String, any Error> {
    let root = sources.deletingLastPathComponent().deletingLastPathComponent()
    let script = root.appending(path: "tools/python-peer.sh").path()
    let result = try await Subprocess.run(
      .name("bash"), arguments: [script], output: .string(limit: 65_536), error: .string(limit: 65_536))
    guard result.terminationStatus.isSuccess, let path = result.standardOutput.split(separator: "\n").last else {
      throw CallFailure("tools/python-peer.sh failed; the tests need Python 3 with venv and pip: \(result.standardError)")
    }
    return String(path)
  }

  /// Runs a script to its end and returns its lines.
  func run(_ script: String, _ arguments: [String]) async throws -> [JSONValue] {
    let result = try await Subprocess.run(
      .name("env"), arguments: Arguments([python, "-B", Self.sources.appending(path: "peer/\(script)").path()] + arguments),
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    guard result.terminationStatus.isSuccess else { throw CallFailure("\(script) failed: \(result.standardError)") }
    return try result.standardOutput.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
  }

  /// Runs a role of peer.py beside the body; its standard input is closed when the body returns.
  func running(
    _ role: String, address: String, own: OperatorName, other: OperatorName,
    body: @Sendable @escaping (PeerLines, @Sendable @escaping (JSONValue) async throws -> Void) async throws -> Void
  ) async throws {
    let script = Self.sources.appending(path: "peer/peer.py").path()
    let result = try await Subprocess.run(
      .name("env"), arguments: Arguments([python, "-B", script, role, folder, address, own.text, other.text]), input: .inputWriter,
      output: .sequence, error: .string(limit: 1 << 20)
    ) { execution in
      let lines = PeerLines()
      let (input, output) = (execution.standardInputWriter, execution.standardOutput)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for try await line in output.strings() { lines.add(try JSONValue(parsing: line)) }
        }
        try await body(lines) { order in _ = try await input.write(order.text + "\n") }
        try await input.finish()
        try await group.waitForAll()
      }
    }
    guard result.terminationStatus.isSuccess else { throw CallFailure("peer.py \(role) failed") }
  }
}

/// What a peer has printed so far. `lines` is the only mutable state, behind its mutex.
final class PeerLines: Sendable {
  private let lines = Mutex<[JSONValue]>([])

  func add(_ line: JSONValue) { lines.withLock { $0.append(line) } }
  var all: [JSONValue] { lines.withLock { $0 } }

  /// The first line with such a member, when it comes.
  func first(with key: String, at place: SourceLocation = #_sourceLocation) async throws -> JSONValue {
    try await eventually("the peer prints \(key)", at: place) { all.contains { $0[key] != nil } }
    return all.first { $0[key] != nil } ?? .null
  }
}
