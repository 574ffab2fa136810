import Foundation
import Harness
import HyperModel
import Testing

extension EndToEnd {
  /// What strangers send to the public port: each gets the answer of the table, and each is counted.
  ///
  /// The time for a hello is longer than any delay, so that no stream here ends by it.
  @Suite(
    "bad input",
    .stack(.metrics(.publicProxy, as: "public"), .append(.publicProxy, "  relay:\n    hello_timeout: 20\n")))
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
      let before = try await stack.ended(bad.cause)
      let mark = stack.publicProxy.lines.count
      let seen = try await stack.client(bad.client)
      #expect(seen["alert"] == (bad.alert.map { .integer($0) } ?? .null), "\(seen)")
      #expect(seen["bytes"] == (bad.alert == nil ? 0 : 7), "\(seen)")
      // A reset may follow what was sent without being wanted, but nobody who gets an alert is to be reset.
      #expect(bad.alert == nil ? ["eof", "reset"].contains(seen["end"]) : seen["end"] == "eof", "\(seen)")
      try await stack.publicProxy.line(containing: "stream refused", "cause=\(bad.cause)", from: mark)
      try await stack.expectOneMore(bad.cause, than: before)
    }

    @Test func aHelloInPiecesOfOneByteIsServed() async throws {
      let seen = try await Stack.ofSuite.client("hello", "--piece", "1", "--wait-first")
      #expect(seen["first"] == 22, "a handshake record of the internal server was expected: \(seen)")
    }

    @Test func afterAllOfThatGoodClientsAreServedByTheSameProcess() async throws {
      try await Stack.ofSuite.expectServedByTheFirstProcess()
    }

    private static func hex(_ text: String) -> String {
      text.utf8.map { String(format: "%02x", $0) }.joined()
    }
  }

  /// Clients whose hello does not come, or hardly. What they cost is their time, so it is short here.
  @Suite(
    "late hellos",
    .stack(.metrics(.publicProxy, as: "public"), .append(.publicProxy, "  relay:\n    hello_timeout: 4\n")))
  struct LateHelloTests {
    /// The upper bound leaves room for a busy machine: the whole hello would take the dribbling client 50 s, and a silent one waits for 30 s.
    private static let time = 3.9..<25

    @Test func aSilentClientIsClosedAfterTheHelloTimeout() async throws {
      let stack = try Stack.ofSuite
      let before = try await stack.ended("hello_timeout")
      let seen = try await stack.client("raw")
      #expect(seen["bytes"] == 0)
      #expect(Self.time.contains(seen["seconds"]?.seconds ?? 0), "\(seen)")
      try await stack.expectOneMore("hello_timeout", than: before)
    }

    @Test func aDribblingClientGetsNoMoreTimeThanASilentOne() async throws {
      let stack = try Stack.ofSuite
      let before = try await stack.ended("hello_timeout")
      let seen = try await stack.client("dribble")
      #expect((seen["sent"]?.integer ?? 0) >= 1, "\(seen)")
      #expect(Self.time.contains(seen["seconds"]?.seconds ?? 0), "\(seen)")
      try await stack.expectOneMore("hello_timeout", than: before)
    }

    @Test func aCrowdOfSilentClientsKeepsNobodyFromBeingServed() async throws {
      let stack = try Stack.ofSuite
      let seen = try await stack.client("crowd", "--count", "300")
      #expect(seen["served"] == true, "\(seen)")
      #expect(seen["closed"] == 300, "\(seen)")
      try await stack.leavesNothing()
      try await stack.expectServedByTheFirstProcess()
    }
  }
}

extension Stack {
  /// How many streams ended for a cause.
  fileprivate func ended(_ cause: String) async throws -> Double {
    let name = "hyper_relay_streams_ended_total{cause=\"\(cause)\"}"
    return try #require(try await metrics(of: "public")[name], "there is no counter \(name)")
  }

  /// A client sees its end before that has been counted.
  fileprivate func expectOneMore(_ cause: String, than before: Double) async throws {
    try await eventually("another end with the cause \(cause)") { try await ended(cause) > before }
    try await leavesNothing()
    #expect(try await ended(cause) == before + 1)
  }

  /// The slots of refused streams are free again.
  fileprivate func leavesNothing() async throws {
    try await eventually("no streams and no bytes of hellos") {
      let scraped = try await metrics(of: "public")
      return scraped["hyper_relay_streams"] == 0 && scraped["hyper_relay_hello_bytes"] == 0
    }
  }

  fileprivate func expectServedByTheFirstProcess() async throws {
    #expect(publicProxy.isRunning)
    #expect(publicProxy.readyLines.count == 1)
    #expect(try await curl().text == Stack.success)
  }
}
