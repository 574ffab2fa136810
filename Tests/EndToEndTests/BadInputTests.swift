import Foundation
import HyperModel
import Testing

extension EndToEnd {
  /// What strangers send to the public port: each gets the answer of the table, and each is counted.
  @Suite(
    "bad input",
    .stack(.metrics(.publicProxy, as: "public"), .append(.publicProxy, "  relay:\n    hello_timeout: 3\n")))
  struct BadInputTests {
    /// Bytes of no protocol, the same every time.
    private static let noise = (0..<200).map { String(format: "%02x", ($0 * 197 + 131) & 0x7F | 0x01) }.joined()

    /// One thing that a stranger does, and what is to come of it.
    struct Case: Sendable, CustomTestStringConvertible {
      let what: String
      let client: [String]
      /// Nil: closed without a byte.
      let alert: Int64?
      let cause: String

      var testDescription: String { what }
    }

    static let cases = [
      Case(what: "an unknown server name", client: ["hello", "--name", "nobody.example"], alert: 112, cause: "unknown_name"),
      Case(what: "no server name", client: ["hello", "--name", "-"], alert: 109, cause: "no_server_name"),
      Case(
        what: "an unknown name with 64 KiB behind the hello", client: ["hello", "--name", "nobody.example", "--behind", "65536"],
        alert: 112,
        cause: "unknown_name"),
      Case(what: "plain HTTP", client: ["raw", "--hex", hex("GET / HTTP/1.1\r\nHost: a\r\n\r\n")], alert: nil, cause: "not_tls"),
      Case(what: "an SSH banner", client: ["raw", "--hex", hex("SSH-2.0-OpenSSH_9.6\r\n")], alert: nil, cause: "not_tls"),
      Case(what: "noise", client: ["raw", "--hex", noise], alert: nil, cause: "not_tls"),
      Case(what: "a hello that ends too early", client: ["raw", "--hex", "160301000501000001ff"], alert: 50, cause: "malformed_hello"),
      Case(
        what: "a server name with a forbidden byte",
        client: ["hello", "--old", "test.internal-server.local", "--new", "test.internal_server!local"], alert: 47, cause: "malformed_hello"
      ),
      Case(what: "an alert in place of a hello", client: ["raw", "--hex", "15030100020228"], alert: 10, cause: "malformed_hello"),
    ]

    @Test(arguments: cases) func isAnsweredAsTheTableSaysAndCounted(_ bad: Case) async throws {
      let stack = try Stack.ofSuite
      let before = try await Self.ended(bad.cause, at: stack)
      let mark = stack.publicProxy.lines.count
      let seen = try await stack.client(bad.client)
      #expect(seen["alert"] == (bad.alert.map { .integer($0) } ?? .null), "\(seen)")
      #expect(seen["bytes"] == (bad.alert == nil ? 0 : 7), "\(seen)")
      // A reset may follow what was sent without being wanted, but nobody who gets an alert is to be reset.
      #expect(bad.alert == nil ? ["eof", "reset"].contains(seen["end"]) : seen["end"] == "eof", "\(seen)")
      #expect((seen["seconds"]?.seconds ?? 99) < 2.8, "\(seen)")
      try await stack.publicProxy.line(containing: "stream refused", "cause=\(bad.cause)", from: mark)
      #expect(try await Self.ended(bad.cause, at: stack) == before + 1)
      try await Self.expectNothingLeft(at: stack)
    }

    @Test func aHelloInPiecesOfOneByteIsServed() async throws {
      let seen = try await Stack.ofSuite.client("hello", "--piece", "1", "--wait-first")
      #expect(seen["first"] == 22, "a handshake record of the internal server was expected: \(seen)")
    }

    @Test func aSilentClientIsClosedAfterTheHelloTimeout() async throws {
      let stack = try Stack.ofSuite
      let before = try await Self.ended("hello_timeout", at: stack)
      let seen = try await stack.client("raw")
      #expect(seen["bytes"] == 0)
      #expect((2.9...10).contains(seen["seconds"]?.seconds ?? 0), "\(seen)")
      #expect(try await Self.ended("hello_timeout", at: stack) == before + 1)
      try await Self.expectNothingLeft(at: stack)
    }

    @Test func aDribblingClientGetsNoMoreTimeThanASilentOne() async throws {
      let stack = try Stack.ofSuite
      let before = try await Self.ended("hello_timeout", at: stack)
      let seen = try await stack.client("dribble")
      #expect((seen["sent"]?.integer ?? 0) > 3, "\(seen)")
      #expect((2.9...10).contains(seen["seconds"]?.seconds ?? 0), "\(seen)")
      #expect(try await Self.ended("hello_timeout", at: stack) == before + 1)
      try await Self.expectNothingLeft(at: stack)
    }

    @Test func aCrowdOfSilentClientsKeepsNobodyFromBeingServed() async throws {
      let stack = try Stack.ofSuite
      let seen = try await stack.client("crowd", "--count", "300")
      #expect(seen["served"] == true, "\(seen)")
      #expect(seen["closed"] == 300, "\(seen)")
      try await Self.expectNothingLeft(at: stack)
    }

    @Test func afterAllOfThatGoodClientsAreServedByTheSameProcess() async throws {
      let stack = try Stack.ofSuite
      #expect(stack.publicProxy.isRunning)
      #expect(stack.publicProxy.readyLines.count == 1)
      #expect(try await stack.curl().text == Stack.success)
    }

    // MARK: Counters

    private static func ended(_ cause: String, at stack: Stack) async throws -> Double {
      let name = "hyper_relay_streams_ended_total{cause=\"\(cause)\"}"
      return try #require(try await stack.metrics(of: "public")[name], "there is no counter \(name)")
    }

    /// The slots of refused streams are free again.
    private static func expectNothingLeft(at stack: Stack) async throws {
      let metrics = try await stack.metrics(of: "public")
      #expect(metrics["hyper_relay_streams"] == 0)
      #expect(metrics["hyper_relay_hello_bytes"] == 0)
    }

    private static func hex(_ text: String) -> String {
      text.utf8.map { String(format: "%02x", $0) }.joined()
    }
  }
}
