import Crypto
import HyperModel
import NIOCore
import NIOSSL
import Operations
import Testing
import Trust

@testable import InternalServer
@testable import JSONRPC

private func withInternalServer<T: Sendable>(_ body: (Int) async throws -> T) async throws -> T {
  let credentials = try TestAuthority.shared.get().credentials("internal-server")
  let server = InternalServer(
    InternalServerConfiguration(address: .tcp(host: "127.0.0.1", port: 0), trust: TrustSource(credentials)), logger: silent,
    metrics: MetricsRegistry())
  guard case .tcp(_, let port) = try await server.bind() else { throw TestFailure("no port") }
  return try await serving({ try await server.run() }) { try await body(port) }
}

private func answer(_ text: String) async throws -> String {
  try await withInternalServer { port in
    try await RawConnection.open(.tcp(host: "127.0.0.1", port: port), tls: .makeClientConfiguration()) { connection in
      try await connection.send(text)
      return try await connection.readAnswer().map { "\($0.status) \($0.body)" } ?? "closed"
    }
  }
}

// One at a time: handshakes are slow in debug builds, and what is tested has time limits.
@Suite(.serialized, .timeLimit(.minutes(5))) struct InternalServerTests {
  @Test(arguments: ["/", "/jsonrpc", "/any/thing?x=1"]) func getAnythingSucceeds(path: String) async throws {
    let found = try await answer("GET \(path) HTTP/1.1\r\nhost: x\r\n\r\n")
    #expect(found == #"200 {"message":"success"}"#)
  }

  @Test(
    arguments: [
      ("{}", "200 {}"), (#"{"b":1, "a":[null]}"#, #"200 {"b":1, "a":[null]}"#),
      (#"{"jsonrpc":"2.0","method":"m","id":7}"#, #"200 {"id":7,"jsonrpc":"2.0","result":{"message":"success"}}"#),
      (#"{"jsonrpc":"2.0","method":"m"}"#, #"200 {"id":null,"jsonrpc":"2.0","result":{"message":"success"}}"#),
      (#"{"jsonrpc":"1.0","method":"m"}"#, #"200 {"jsonrpc":"1.0","method":"m"}"#),
    ], ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"])
  func objectsAreAnsweredWhateverTheirContentType(pair: (String, String), type: String) async throws {
    let found = try await answer(post(pair.0, headers: "content-type: \(type)\r\n"))
    #expect(found == pair.1)
  }

  @Test(arguments: ["", "[]", "nonsense", "1", "{", "null"]) func anythingElseIs400WithAnErrorObject(body: String) async throws {
    let found = try await answer(post(body, headers: ""))
    #expect(found.hasPrefix("400 "))
    #expect(try JSONValue(parsing: found.dropFirst(4).description)["error"]?["code"] == -32700)
  }

  @Test func aStreamedBodyIsDigested() async throws {
    let body = String(repeating: "0123456789", count: 300_000)
    let digest = SHA256.hash(data: Array(body.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let found = try await answer(post(body, headers: "content-type: application/octet-stream\r\n"))
    #expect(found == #"200 {"bytes":3000000,"sha256":"\#(digest)"}"#)
  }

  @Test func aLargeObjectComesBackAsItWas() async throws {
    let body = #"{"data":"\#(String(repeating: "x", count: 1 << 20))"}"#
    let found = try await answer(post(body))
    #expect(found == "200 \(body)")
  }

  @Test func bytesComeInTheAnnouncedNumber() async throws {
    let found = try await answer("GET /bytes/0 HTTP/1.1\r\nhost: x\r\n\r\n")
    #expect(found == "200 ")
    for path in ["/bytes/x", "/bytes/-1", "/bytes/", "/bytes/99999999999999999999"] {
      let refused = try await answer("GET \(path) HTTP/1.1\r\nhost: x\r\n\r\n")
      #expect(refused.hasPrefix("400 "))
    }
    try await withInternalServer { port in
      try await RawConnection.open(.tcp(host: "127.0.0.1", port: port), tls: .makeClientConfiguration()) { connection in
        try await connection.send("GET /bytes/3000001 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        let received = try await connection.countToEnd()
        #expect(received > 3_000_001 && received < 3_001_000)
      }
    }
  }

  @Test func aRangeOfBytesIsThatPartOfTheWhole() {
    let whole = Answers.bytes(0..<1000)
    #expect(whole.count == 1000)
    for range in [0..<1, 3..<9, 7..<8, 8..<16, 13..<997, 500..<500] { #expect(Answers.bytes(range) == Array(whole[range])) }
    #expect(Set(whole).count > 200)
  }

  @Test(arguments: [
    (["IS_BIND_ADDRESS": "nowhere"], "IS_BIND_ADDRESS"), (["USE_TLS": "yes"], "USE_TLS"),
    (["IS_CERTIFICATE": "/no/such.crt", "IS_KEY": "/no/such.key"], "/no/such.crt"),
  ]) func wrongVariablesAreNamed(environment: [String: String], name: String) {
    do throws(StartFailure) {
      _ = try InternalServerConfiguration(environment: environment, store: TrustStore(logger: silent, metrics: MetricsRegistry()))
      Issue.record("taken")
    } catch {
      #expect(error.message.contains(name))
    }
  }

  @Test func theDefaultsAreThoseOfTheDemo() throws {
    let configuration = try InternalServerConfiguration(
      environment: ["USE_TLS": "0", "IS_BIND_ADDRESS": ""], store: TrustStore(logger: silent, metrics: MetricsRegistry()))
    #expect(configuration.address == .tcp(host: "localhost", port: 8888))
    #expect(configuration.trust == nil)
  }

  @Test func manyFreshConnectionsAtOnceAreServed() async throws {
    let count = try await withInternalServer { port in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<50 {
          group.addTask {
            try await RawConnection.open(.tcp(host: "127.0.0.1", port: port), tls: .makeClientConfiguration()) { connection in
              try await connection.send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
              return try await connection.readToEnd().hasSuffix(#"{"message":"success"}"#) ? 1 : 0
            }
          }
        }
        return try await group.reduce(0, +)
      }
    }
    #expect(count == 50)
  }
}
