import Foundation
import HyperModel
import Subprocess
import Testing
import Trust

extension EndToEnd {
  /// Who may call at the JSON-RPC ports of the public side: the own operator with the pinned certificate. Everybody else learns which check
  /// failed.
  @Suite("identities", .stack(prepare: ExpiredCertificates.make)) struct IdentityTests {
    struct Case: Sendable, CustomTestStringConvertible {
      let what: String
      /// File name without suffix; nil sends no certificate.
      let certificate: String?
      let words: [String]

      var testDescription: String { what }
    }

    static let refused = [
      Case(what: "another operator's certificate", certificate: "hd-1", words: ["hd-1", "public-proxy-1"]),
      Case(what: "an unpinned certificate", certificate: "public-proxy-1-alt", words: ["public-proxy-1", "pinned", "make certs"]),
      Case(what: "a certificate of another CA", certificate: "foreign", words: ["public-proxy-1", "authority", "make certs"]),
      Case(what: "an expired certificate", certificate: "expired", words: ["public-proxy-1", "expired", "make certs"]),
      Case(what: "no certificate", certificate: nil, words: ["no certificate"]),
    ]

    enum Port: String, CaseIterable, CustomTestStringConvertible {
      case node, proxy

      var testDescription: String { rawValue }

      func number(in stack: Stack) -> Int { self == .node ? stack.ports.nodeRPC : stack.ports.proxyRPC }
    }

    @Test(arguments: refused, Port.allCases) func isRefusedInWords(_ refused: Case, at port: Port) async throws {
      let stack = try Stack.ofSuite
      if refused.certificate == "foreign" { try Self.issueForeign(to: stack.certificates) }
      let output = try await Self.call(stack, port.number(in: stack), certificate: refused.certificate, method: "public-proxy-1._ping")
      #expect(output.status == .exited(0), "\(output.errors)")
      #expect(output.text.hasSuffix(" 403"), "\(output.text)")
      let answer = try JSONValue(parsing: String(output.text.dropLast(" 403".count)))
      let message = try #require(answer["error"]?["message"]?.string, "\(output.text)")
      print("\(refused.what) at the \(port.rawValue): \(message)")
      for word in refused.words { #expect(message.contains(word), "\(message)") }
      let program = port == .node ? stack.publicNode : stack.publicProxy
      try await program.line(containing: refused.words)
    }

    @Test func theOwnOperatorsPinnedCertificateIsLetIn() async throws {
      let stack = try Stack.ofSuite
      let answer = try await Self.call(stack, stack.ports.nodeRPC, certificate: "public-proxy-1", method: "public-proxy-1._ping")
      #expect(answer.text.hasSuffix(" 200"), "\(answer.text)\(answer.errors)")
      #expect(answer.text.contains(#""version""#))
    }

    // MARK: Certificates and calls

    private static func issueForeign(to folder: String) throws {
      let authority = try CertificateAuthority.makeRoot(commonName: "Somebody Else")
      try authority.issue(commonName: "public-proxy-1").write(
        certificateFile: "\(folder)/foreign.crt", keyFile: "\(folder)/foreign.key")
    }

    /// The body of the answer, a space and the HTTP status.
    private static func call(_ stack: Stack, _ port: Int, certificate: String?, method: String) async throws -> Output {
      let identity = certificate.map { ["--cert", "\(stack.certificates)/\($0).crt", "--key", "\(stack.certificates)/\($0).key"] } ?? []
      let request: JSONValue = ["jsonrpc": "2.0", "id": "e2e", "method": .string(method), "params": [:]]
      let arguments = [
        "-sS", "--max-time", "20", "--cacert", stack.root, "--resolve", "public-proxy-1:\(port):127.0.0.1", "-w", " %{http_code}",
        "-H", "Content-Type: application/json", "--data", request.text,
      ]
      return try await Output.of("curl", arguments + identity + ["https://public-proxy-1:\(port)/jsonrpc"])
    }
  }

  private enum ExpiredCertificates {
    /// As a user has them who made certificates 600 days ago: root and intermediate are still good, the others have expired.
    @Sendable static func make(in folder: String) throws {
      let past = Date(timeIntervalSinceNow: -600 * 86_400)
      _ = try DevelopmentCA.make(certificates: folder, records: "\(folder)/past.json", now: past)
      for suffix in ["crt", "key"] {
        try FileManager.default.moveItem(atPath: "\(folder)/public-proxy-1.\(suffix)", toPath: "\(folder)/expired.\(suffix)")
      }
    }
  }

  /// Nodes among themselves.
  @Suite("identities of nodes") struct NodeIdentityTests {
    @Test func aNodeWithAnUnpinnedCertificateIsRefusedAndBothLogsSayWhy() async throws {
      let changes: [SettingsChange] = [
        .replace(.privateNode, "certs/private-proxy-1.crt", by: "certs/private-proxy-1-alt.crt"),
        .replace(.privateNode, "certs/private-proxy-1.key", by: "certs/private-proxy-1-alt.key"),
      ]
      try await Stack.prepared(changes) { stack in
        try await stack.publicNode.start()
        try await stack.publicNode.ready()
        try await stack.privateNode.start()
        let there = try await stack.publicNode.line(containing: "private-proxy-1", "not pinned")
        let here = try await stack.privateNode.line(containing: "public-proxy-1", "refuse")
        print("public node: \(there)\nprivate node: \(here)")
        #expect(!stack.publicNode.lines.contains { $0.contains("link up") })
        #expect(!stack.privateNode.lines.contains { $0.contains("link up") })
      }
    }
  }
}
