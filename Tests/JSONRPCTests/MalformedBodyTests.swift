import HyperModel
import Testing

@testable import JSONRPC

/// Bodies that are broken in every place a body can be broken: each is refused with an error of the specification, and nothing else happens.
@Suite(.timeLimit(.minutes(5))) struct MalformedBodyTests {
  private static let request =
    #"{"jsonrpc":"2.0","method":"own.echo","params":{"text":"ä\u00e4\"\\","number":-1.5e3,"list":[null,true,{}]},"id":"7"}"#

  private enum Reading: Equatable {
    case taken
    case refused(Int)
  }

  private func read(_ bytes: some Collection<UInt8>) -> Reading {
    do throws(RPCBodyFault) {
      _ = try RPCBody.read(contentType: "application/json", body: bytes, batchLimit: 10)
      return .taken
    } catch {
      return .refused(error.fault.code)
    }
  }

  @Test(arguments: [request, "[\(request),\(request)]"]) func everyBodyThatIsCutIsAParseError(body: String) {
    let bytes = Array(body.utf8)
    #expect(read(bytes) == .taken)
    for length in 0..<bytes.count { #expect(read(bytes.prefix(length)) == .refused(-32700), "\(length) bytes") }
  }

  @Test(arguments: [request, "[\(request)]"]) func everythingBehindABodyIsAParseError(body: String) {
    for rest in ["x", "{}", ",", "]", "}", "\0", "\"", "1", body] {
      #expect(read(Array((body + rest).utf8)) == .refused(-32700), "\(rest)")
    }
    for space in [" ", "\n", "\t\r\n "] { #expect(read(Array((space + body + space).utf8)) == .taken) }
  }

  /// A byte that is replaced, left out or put in: the body is refused with one of two codes, or it is another good one.
  @Test func everyByteMayBeWrong() {
    let bytes = Array(Self.request.utf8)
    var refused = 0
    for index in bytes.indices {
      for byte: UInt8 in [0x00, 0x20, 0x22, 0x2c, 0x30, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xc3, 0xff] {
        var (replaced, added) = (bytes, bytes)
        replaced[index] = byte
        added.insert(byte, at: index)
        var removed = bytes
        removed.remove(at: index)
        for changed in [replaced, added, removed] {
          guard case .refused(let code) = read(changed) else { continue }
          #expect(code == -32700 || code == -32600, "byte \(index): \(code)")
          refused += 1
        }
      }
    }
    #expect(refused > bytes.count)
  }

  /// Through the server: the answer has the version, the code and a null id, and the connection goes on.
  @Test func afterEachOfThemTheConnectionGoesOn() async throws {
    let bodies: [[UInt8]] =
      [
        "nonsense", "{", "[", "\"", "{\"jsonrpc\":\"2.0\"", "[}", "{]", "{\"a\":1 \"b\":2}", "{\"a\"=1}", "{a:1}", "{'a':1}", "{\"a\":1,}",
        "[1,]",
        "[,1]", "[1 2]", "01", "1.", ".5", "+1", "1e", "0x10", "NaN", "-Infinity", "tru", "True", "nulll", "undefined", "// comment",
        "/* */{}",
        "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "\"\\x41\"", "\"\\u12\"", "\"\\", "{}{}", "[]{}", "\u{feff}{}", "1e999", "{\"id\":1e400}",
        String(repeating: "[", count: 5000), String(repeating: "{\"a\":", count: 5000),
        String(repeating: "[", count: 200) + "1"
          + String(repeating: "]", count: 200),
      ].map { Array($0.utf8) }
      // Not UTF-8: stray, cut and overlong sequences, surrogates, UTF-16 with and without its mark.
      + [
        [0xff], [0x22, 0x80, 0x22], [0x22, 0xc3, 0x22], [0x22, 0xc0, 0xaf, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
        [0x22, 0xf5, 0x80, 0x80, 0x80, 0x22],
        [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00], [0x7b, 0x00, 0x7d, 0x00], [0x00], [0x1f, 0x8b, 0x08, 0x00],
      ]
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        for body in bodies {
          let head = "POST /jsonrpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n"
          try await connection.send(Array(head.utf8) + body)
          let answer = try await connection.readAnswer()
          #expect(answer?.status == 400)
          let json = try JSONValue(parsing: answer?.body ?? "")
          #expect(json["jsonrpc"] == "2.0")
          #expect(json["error"]?["code"] == -32700, "\(body.prefix(40)): \(json)")
          #expect(json["id"] == .null)
        }
        try await connection.send(post(call("echo")))
        #expect(try await connection.readAnswer()?.status == 200)
      }
    }
  }
}
