import Foundation
import Glibc
import HyperModel
import Subprocess
import Synchronization
import Testing
import Trust

extension EndToEnd {
  /// Two nodes get new certificates while they are called all the time.
  @Suite("rotation of certificates") struct CertificateRotationTests {
    private static let operators = ["public-proxy-1", "private-proxy-1"]

    @Test func noCallFailsAndNewHandshakesUseTheNewOnes() async throws {
      try await Stack.prepared { stack in
        for node in [stack.publicNode, stack.privateNode] {
          try await node.start()
          try await node.ready()
        }
        try await stack.privateNode.line(containing: "link up", "peer=public-proxy-1")
        let next = try Self.issue(beside: stack)

        let calls = try SteadyCalls(stack)
        async let there = calls.run(SteadyCalls.throughThePrivateNode)
        async let back = calls.run(SteadyCalls.throughThePublicNode)
        do {
          try await Self.rotate(stack, to: next)
        } catch {
          calls.stop()
          throw error
        }
        calls.stop()
        for (answered, failures) in await [there, back] {
          print("certificates rotated under \(answered) calls")
          #expect(failures.isEmpty, "\(failures.prefix(3))")
          #expect(answered > 0)
        }
        #expect(!stack.privateNode.lines.contains { $0.contains("link down") })
      }
    }

    /// The certificates of both operators, from the same authority, in a folder of their own; returns that folder.
    private static func issue(beside stack: Stack) throws -> String {
      let folder = "\(stack.folder)/next"
      try FileManager.default.copyItem(atPath: stack.certificates, toPath: folder)
      for name in operators {
        for suffix in ["crt", "key"] { try FileManager.default.removeItem(atPath: "\(folder)/\(name).\(suffix)") }
      }
      _ = try DevelopmentCA.make(certificates: folder, records: "\(folder)/records.json", now: Date())
      return folder
    }

    private static func rotate(_ stack: Stack, to next: String) async throws {
      // First the directory: both fingerprints.
      let now = try records("\(stack.folder)/settings/dev/directory/002_certificates.json")
      let then = try records("\(next)/records.json")
      let both = operators.map { name -> JSONValue in
        let pins = [now, then].flatMap { $0.first { $0["name"]?.string == name }?["data"]?.array ?? [] }
        return [
          "name": .string(name), "section": "certificates", "created_at": "2030-01-01T00:00:00Z", "data": .array(pins),
        ]
      }
      try JSONValue.object(["records": .array(both)]).text.write(
        toFile: "\(stack.folder)/settings/dev/directory/003_both.json", atomically: true, encoding: .utf8)
      for node in [stack.publicNode, stack.privateNode] { try await node.line(containing: "directory reloaded") }

      // Then the key alone: a pair that does not fit together changes nothing and is told.
      try install("public-proxy-1.key", from: next, in: stack)
      try await stack.publicNode.line(containing: "certificates cannot be reloaded", "public-proxy-1.key")
      #expect(try await presented(by: stack) == leaf("\(stack.certificates)/public-proxy-1.crt"))

      // One node looks at its files, the other is told to.
      for name in ["public-proxy-1.crt", "private-proxy-1.key", "private-proxy-1.crt"] { try install(name, from: next, in: stack) }
      stack.privateNode.send(SIGHUP)
      for node in [stack.publicNode, stack.privateNode] { try await node.line(containing: "certificates reloaded") }
      #expect(stack.privateNode.lines.contains { $0.contains("reloading") })
      #expect(try await presented(by: stack) == leaf("\(next)/public-proxy-1.crt"))
    }

    private static func install(_ name: String, from next: String, in stack: Stack) throws {
      // As a rename, so that nobody sees a part of a file.
      try Data(contentsOf: URL(filePath: "\(next)/\(name)")).write(to: URL(filePath: "\(stack.certificates)/\(name)"), options: .atomic)
    }

    private static func records(_ path: String) throws -> [JSONValue] {
      try JSONValue(parsing: String(contentsOfFile: path, encoding: .utf8))["records"]?.array ?? []
    }

    /// The certificate that the public node shows to a new connection, PEM without line ends.
    private static func presented(by stack: Stack) async throws -> String {
      let script = "import ssl; print(ssl.get_server_certificate(('localhost', \(stack.ports.nodeRPC)), timeout=30))"
      let output = try await Output.of("python3", ["-c", script])
      guard output.status == .exited(0) else { throw TestFailure("no certificate of the public node: \(output.errors)") }
      return body(of: output.text)
    }

    private static func leaf(_ path: String) throws -> String {
      body(of: try String(contentsOfFile: path, encoding: .utf8))
    }

    private static func body(of pem: String) -> String {
      let first = pem.split(separator: "-----END").first ?? ""
      return first.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
    }
  }
}

/// Calls through both nodes, one after the other, until it is told to stop. `isStopped` is behind its mutex.
private final class SteadyCalls: Sendable {
  private let stack: Stack
  /// The public operator's certificate and key as they were at the beginning: pinned all the time, and no file that changes.
  private let identity: (certificate: String, key: String)
  private let isStopped = Mutex(false)

  init(_ stack: Stack) throws {
    self.stack = stack
    identity = ("\(stack.folder)/caller.crt", "\(stack.folder)/caller.key")
    try FileManager.default.copyItem(atPath: "\(stack.certificates)/public-proxy-1.crt", toPath: identity.certificate)
    try FileManager.default.copyItem(atPath: "\(stack.certificates)/public-proxy-1.key", toPath: identity.key)
  }

  func stop() { isStopped.withLock { $0 = true } }

  func run(_ call: (SteadyCalls) async throws -> JSONValue) async -> (answered: Int, failures: [String]) {
    var answered = 0
    var failures: [String] = []
    while !isStopped.withLock({ $0 }) {
      do {
        let answer = try await call(self)
        if answer["result"] == nil { failures.append(answer.text) } else { answered += 1 }
      } catch {
        failures.append("\(error)")
      }
    }
    return (answered, failures)
  }

  /// Unix socket, private node, gRPC, public node, and back.
  static func throughThePrivateNode(_ calls: SteadyCalls) async throws -> JSONValue {
    try await calls.stack.call("public-proxy-1._ping", at: "private-proxy-hyper-1.sock")
  }

  /// A TLS handshake of its own for each call, public node, gRPC the other way, private node, and back.
  static func throughThePublicNode(_ calls: SteadyCalls) async throws -> JSONValue {
    let request: JSONValue = ["jsonrpc": "2.0", "id": "e2e", "method": "private-proxy-1._ping", "params": [:]]
    let port = calls.stack.ports.nodeRPC
    let output = try await Output.of(
      "curl",
      [
        "-sS", "--max-time", "30", "--cacert", calls.stack.root, "--resolve", "public-proxy-1:\(port):127.0.0.1",
        "--cert", calls.identity.certificate, "--key", calls.identity.key, "-H", "Content-Type: application/json", "--data", request.text,
        "https://public-proxy-1:\(port)/jsonrpc",
      ])
    guard output.status == .exited(0) else { throw TestFailure("call at the public node: \(output.errors)") }
    return try JSONValue(parsing: output.text)
  }
}
