import Foundation
import HyperModel
import Subprocess

/// Clients that the project did not write: curl, and Python's ssl through clients/client.py. A tool that is missing is an error.
extension Stack {
  /// The README's curl, with this stack's port or another one.
  func curl(_ more: String..., name: String = serverName, port: Int? = nil, path: String = "/jsonrpc") async throws -> Output {
    let port = port ?? ports.tls
    let url = "https://\(name):\(port)\(path)"
    let arguments = ["-fsS", "--max-time", "30", "--cacert", root, "--resolve", "\(name):\(port):127.0.0.1"] + more + [url]
    return try await Output.of("curl", arguments)
  }

  /// Repeats the README's request until it is answered as it should be; returns how long that took.
  @discardableResult
  func answers(within limit: Duration = .seconds(30)) async throws -> Duration {
    let start = ContinuousClock.now
    while true {
      let output = try await curl("--max-time", "5")
      let time = ContinuousClock.now - start
      if output.text == Self.success { return time }
      guard time < limit else { throw TestFailure("no good answer within \(limit); curl says: \(output.text)\(output.errors)") }
    }
  }

  /// One case of client.py; its answer.
  func client(_ arguments: String..., port: Int? = nil) async throws -> JSONValue {
    try await client(arguments, port: port)
  }

  func client(_ arguments: [String], port: Int? = nil) async throws -> JSONValue {
    let given = [Repository.client] + arguments + ["--port", "\(port ?? ports.tls)", "--root", root]
    let output = try await Output.of("python3", given, in: folder, within: .seconds(120))
    guard output.status == .exited(0) else {
      throw TestFailure("client.py \(arguments.joined(separator: " ")) ended with \(output.status): \(output.errors)")
    }
    return try JSONValue(parsing: output.text)
  }

  /// A case of client.py that goes on until it is stopped.
  func peer(_ arguments: String..., port: Int? = nil) async throws -> ProgramUnderTest {
    let python = try await Output.of("python3", ["-c", "import sys; print(sys.executable, end='')"]).text
    return ProgramUnderTest(
      name: "client.py \(arguments[0])", executable: python,
      arguments: [Repository.client] + arguments + ["--port", "\(port ?? ports.tls)", "--root", root], workingDirectory: folder)
  }

  /// A JSON-RPC call through a Unix socket in `run/`; the whole answer.
  func call(_ method: String, _ params: JSONValue = [:], at socket: String) async throws -> JSONValue {
    let request: JSONValue = ["jsonrpc": "2.0", "id": "e2e", "method": .string(method), "params": params]
    let output = try await Output.of(
      "curl",
      [
        "-sS", "--max-time", "50", "--unix-socket", "run/\(socket)", "-H", "Content-Type: application/json", "--data", request.text,
        "http://localhost/jsonrpc",
      ], in: folder)
    guard output.status == .exited(0) else { throw TestFailure("call of \(method) at \(socket): \(output.errors)") }
    return try JSONValue(parsing: output.text)
  }
}

extension JSONValue {
  /// A time as client.py reports it.
  var seconds: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .number(let number): number
    case .null, .bool, .string, .array, .object: nil
    }
  }
}
