import HyperModel
import NIOCore
import Operations
import Testing
import Trust

@testable import JSONRPC

@Suite(.timeLimit(.minutes(5))) struct JSONRPCServerTests {
  @Test(arguments: [
    ("7", "7"), (#""7""#, #""7""#), (#""n:5""#, #""n:5""#), (#""nn:-7""#, #""nn:-7""#), ("5.0", "5"), ("-2147483648", "-2147483648"),
    (#""ä\u0000""#, #""ä\u0000""#),
  ]) func theCallerGetsItsOwnIdAndTypeBack(sent: String, back: String) async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("echo", id: sent)))
        let answer = try await connection.readAnswer()
        #expect(answer?.status == 200)
        #expect(answer?.body == #"{"id":\#(back),"jsonrpc":"2.0","result":{}}"#)
        #expect(answer?.head.contains("content-type: application/json; charset=utf-8") == true)
      }
    }
  }

  @Test(arguments: ["null", #""""#]) func anAbsentIdIsReplacedByOneOfOurs(id: String) async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("id", id: id)))
        let body = try await connection.readAnswer()?.body ?? ""
        let answer = try JSONValue(parsing: body)
        #expect(answer["id"]?.string?.utf8.count == 32)
        #expect(answer["id"] == answer["result"])
      }
    }
  }

  @Test func theHandlerSeesTheEscapedId() async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("id", id: "5")))
        #expect(try await connection.readAnswer()?.body == #"{"id":5,"jsonrpc":"2.0","result":"n:5"}"#)
      }
    }
  }

  @Test func outcomesBecomeStatusAndBody() async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        for (method, status, rest) in [
          ("null", 200, #","result":null}"#), ("empty", 200, "}"),
          ("fault", 400, ""), ("nosuch", 400, ""),
        ] {
          try await connection.send(post(call(method)))
          let answer = try await connection.readAnswer()
          #expect(answer?.status == status)
          if status == 200 { #expect(answer?.body == #"{"id":1,"jsonrpc":"2.0"\#(rest)"#) }
        }
        try await connection.send(post(call("fault")))
        #expect(
          try await connection.readAnswer()?.body
            == #"{"error":{"code":404,"data":{"a":1},"message":"no matching connection found"},"id":1,"jsonrpc":"2.0"}"#)
      }
    }
  }

  @Test(arguments: ["nonsense", "1", "", "{", "\u{0}", "{}x"])
  func malformedBodiesGetAParseErrorAndTheConnectionStays(body: String) async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(body))
        let answer = try await connection.readAnswer()
        #expect(answer?.status == 400)
        let value = try JSONValue(parsing: answer?.body ?? "")
        #expect(value["error"]?["code"] == -32700)
        #expect(value["id"] == .null)
        #expect(value["jsonrpc"] == "2.0")
        try await connection.send(post(call("echo")))
        #expect(try await connection.readAnswer()?.status == 200)
      }
    }
  }

  @Test(arguments: ["GET", "PUT", "DELETE", "OPTIONS"]) func anyMethodIsTakenAndNeedsJSON(method: String) async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send("\(method) /jsonrpc HTTP/1.1\r\nhost: x\r\n\r\n")
        let answer = try await connection.readAnswer()
        #expect(answer?.status == 400)
        #expect(answer?.body.contains("-32700") == true)
      }
    }
  }

  @Test(arguments: ["/", "/jsonrpc/", "/jsonrpcx", "/JSONRPC", "//jsonrpc", "/json%72pc"])
  func otherPathsAreNotFound(path target: String) async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("echo"), path: target))
        let answer = try await connection.readAnswer()
        #expect(answer?.status == 404)
        #expect(answer?.body == #"{"message":"not found"}"#)
      }
    }
  }

  @Test func aQueryDoesNotChangeThePath() async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("echo"), path: "/jsonrpc?a=b"))
        #expect(try await connection.readAnswer()?.status == 200)
      }
    }
  }

  @Test(arguments: ["content-length: 5000001\r\n", "transfer-encoding: chunked\r\n"])
  func aBodyOverTheLimitIsRefusedAndTheAnswerArrives(framing: String) async throws {
    var limits = patientServer
    limits.body = 1 << 20
    try await withUnixServer(limits: limits) { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send("POST /jsonrpc HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\(framing)\r\n")
        let piece = String(repeating: "x", count: 64 << 10)
        let chunk = framing.hasPrefix("transfer") ? "10000\r\n\(piece)\r\n" : piece
        // The server stops reading at some point; what it does not take is not ours to wait for.
        for _ in 0..<20 { connection.channel.writeAndFlush(ByteBuffer(string: chunk), promise: nil) }
        let answer = try await connection.readAnswer()
        #expect(answer?.status == 413)
        #expect(answer?.body.contains("larger than 1048576 bytes") == true)
        #expect(answer?.head.contains("connection: close") == true)
      }
    }
  }

  @Test func aBodyOfExactlyTheLimitIsTaken() async throws {
    let body = call("echo")
    var limits = patientServer
    limits.body = body.utf8.count
    try await withUnixServer(limits: limits) { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(body))
        #expect(try await connection.readAnswer()?.status == 200)
        try await connection.send(post(body + " "))
        #expect(try await connection.readAnswer()?.status == 413)
      }
    }
  }

  @Test func aClientThatWaitsForLeaveGetsIt() async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        let body = call("echo")
        try await connection.send(
          "POST /jsonrpc HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: \(body.utf8.count)\r\n\r\n"
        )
        #expect(try await connection.readAnswer()?.status == 100)
        try await connection.send(body)
        #expect(try await connection.readAnswer()?.status == 200)
      }
    }
  }

  @Test func requestsSentAheadAreAnsweredInOrder() async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send((1...20).map { post(call("echo", id: "\($0)")) }.joined())
        for id in 1...20 { #expect(try await connection.readAnswer()?.body.contains(#""id":\#(id),"#) == true) }
      }
    }
  }

  @Test func aRequestInSingleBytesIsARequest() async throws {
    // Each byte is a write of its own; a busy machine takes long over them.
    var limits = HTTPServerLimits()
    limits.headTime = .seconds(300)
    limits.bodyTime = .seconds(300)
    limits.stallTime = .seconds(300)
    try await withUnixServer(limits: limits) { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        for character in post(call("echo")) { try await connection.send(String(character)) }
        #expect(try await connection.readAnswer()?.status == 200)
      }
    }
  }

  @Test func connectionCloseIsHonoured() async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("echo"), headers: "content-type: application/json\r\nconnection: close\r\n"))
        let text = try await connection.readToEnd()
        #expect(text.hasPrefix("HTTP/1.1 200"))
        #expect(text.contains("connection: close"))
      }
    }
  }

  @Test(arguments: [
    "not HTTP at all\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}", "GET  HTTP/1.1\r\n\r\n",
    "POST /jsonrpc HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
  ])
  func whatIsNotHTTPIsAnsweredWith400AndClosed(text: String) async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(text)
        // The server may have closed by then.
        try? await connection.finishSending()
        let answer = try await connection.readToEnd()
        #expect(answer.hasPrefix("HTTP/1.1 400") || answer.isEmpty)
      }
    }
  }

  @Test func aHeadOverTheLimitIsRefused() async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        let headers = (0..<40).map { "x-\($0): \(String(repeating: "y", count: 4000))\r\n" }.joined()
        try await connection.send("GET /jsonrpc HTTP/1.1\r\nhost: x\r\n\(headers)\r\n")
        let text = try await connection.readToEnd()
        #expect(text.hasPrefix("HTTP/1.1 431"))
      }
    }
  }

  @Test(arguments: ["", "POST /jsonrpc HT", post(call("echo")).dropLast(3).description])
  func aSilentClientIsClosedAndCounted(sent: String) async throws {
    var limits = patientServer
    limits.headTime = .milliseconds(200)
    limits.bodyTime = .milliseconds(300)
    limits.stallTime = .milliseconds(200)
    let metrics = MetricsRegistry()
    try await withUnixServer(limits: limits, metrics: metrics) { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        // On a busy machine the server may have lost its patience before this is sent.
        if !sent.isEmpty { try? await connection.send(sent) }
        let answer = try await connection.readToEnd()
        #expect(!answer.contains("HTTP/1.1 200"))
      }
    }
    let expired = RequestClock.Cause.allCases.map {
      metrics.counter("hyper_http_connections_expired_total", help: "", labels: ["server": "test", "cause": $0.rawValue]).value
    }
    #expect(expired.reduce(0, +) == 1)
  }

  @Test func anIdleConnectionIsClosedAfterItsTime() async throws {
    var limits = patientServer
    limits.idleTime = .milliseconds(200)
    try await withUnixServer(limits: limits) { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("echo")))
        #expect(try await connection.readAnswer()?.status == 200)
        #expect(try await connection.readToEnd() == "")
      }
    }
  }

  @Test func aClientThatDoesNotReadIsClosed() async throws {
    var limits = patientServer
    limits.stallTime = .milliseconds(300)
    let metrics = MetricsRegistry()
    try await withUnixServer(limits: limits, metrics: metrics) { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.channel.setOption(ChannelOptions.autoRead, value: false).get()
        try await connection.send(post(call("large", params: #"{"size":2000000}"#)))
        try await connection.channel.closeFuture.get(orAfter: {
          metrics.counter("hyper_http_connections_expired_total", help: "", labels: ["server": "test", "cause": "answer not taken"]).value
            == 1
        })
      }
    }
  }

  @Test func aClientThatEndedItsSideGetsAllOfALargeAnswer() async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("large", params: #"{"size":1000000}"#)))
        try await connection.finishSending()
        #expect(try await connection.readAnswer()?.body.utf8.count ?? 0 > 1_000_000)
        #expect(try await connection.readToEnd() == "")
      }
    }
  }

  @Test func connectionsOverTheLimitAreClosedAndTheOthersServed() async throws {
    var limits = patientServer
    limits.connections = 1
    try await withUnixServer(limits: limits) { path in
      try await RawConnection.open(.unix(path: path)) { first in
        try await first.send(post(call("echo")))
        #expect(try await first.readAnswer()?.status == 200)
        try await RawConnection.open(.unix(path: path)) { second in
          let text = try await second.readToEnd()
          #expect(text == "")
        }
        try await first.send(post(call("echo")))
        #expect(try await first.readAnswer()?.status == 200)
      }
    }
  }

  @Test func aCallerThatIsNotAdmittedGets403WithTheReason() async throws {
    try await withUnixServer(admit: { _ in CallFault(code: 403, message: "only operator a may call") }) { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(call("echo")))
        let text = try await connection.readToEnd()
        #expect(text.hasPrefix("HTTP/1.1 403"))
        #expect(text.hasSuffix(#"{"error":{"code":403,"message":"only operator a may call"},"id":null,"jsonrpc":"2.0"}"#))
      }
    }
  }

  @Test func ourOwnUserIsLetInAndNamed() async throws {
    try await withUnixServer { path in
      let client = try client(.unix(path: path, httpPath: "/jsonrpc"))
      let outcome = try await client.call("whoami", params: [:])
      #expect(outcome == .result(.string("local user \(testUID)")))
      await client.shutdown()
    }
  }
}
