import HyperModel
import Operations
import Synchronization
import Testing

@testable import JSONRPC

/// The status and the body of the answer to one POST; the body as JSON, nil when it is empty.
private func answer(_ path: String, _ body: String) async throws -> (status: Int, json: JSONValue?) {
  try await RawConnection.open(.unix(path: path)) { connection in
    try await connection.send(post(body))
    guard let answer = try await connection.readAnswer() else { throw TestFailure("no answer") }
    let json: JSONValue? = answer.body.isEmpty ? Optional.none : try JSONValue(parsing: answer.body)
    return (answer.status, json)
  }
}

/// The examples of the specification (https://www.jsonrpc.org/specification, section 7), with a server that is asked to be strict. Where
/// it has parameters by position they are by name here: the network carries no others, and says so (`positionalParametersAreRefused`).
@Suite(.timeLimit(.minutes(5))) struct SpecificationExampleTests {
  private static func error(_ code: Int64, _ id: JSONValue = .null) -> JSONValue { ["code": .integer(code), "id": id] }

  /// An answer without the words of its error, which the specification leaves free.
  private static func essence(_ answer: JSONValue) -> JSONValue {
    if let list = answer.array { return .array(list.map(essence)) }
    guard let code = answer["error"]?["code"] else { return answer }
    return answer["jsonrpc"] == "2.0" ? ["code": code, "id": answer["id"] ?? "absent"] : answer
  }

  private static func result(_ value: JSONValue, _ id: JSONValue) -> JSONValue { ["jsonrpc": "2.0", "result": value, "id": id] }

  static let examples: [(String, JSONValue?)] = [
    // rpc call with named parameters
    (#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#, result(19, 3)),
    (#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#, result(19, 4)),
    // a Notification
    (#"{"jsonrpc": "2.0", "method": "update", "params": {"a": 1, "b": 2}}"#, nil),
    (#"{"jsonrpc": "2.0", "method": "foobar"}"#, nil),
    // rpc call of non-existent method
    (#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#, error(-32601, "1")),
    // rpc call with invalid JSON
    (#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#, error(-32700)),
    // rpc call with invalid Request object
    (#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, error(-32600)),
    // rpc call Batch, invalid JSON
    (
      #"""
      [
        {"jsonrpc": "2.0", "method": "sum", "params": {"a": 1, "b": 2, "c": 4}, "id": "1"},
        {"jsonrpc": "2.0", "method"
      ]
      """#, error(-32700)
    ),
    // rpc call with an empty Array
    ("[]", error(-32600)),
    // rpc call with an invalid Batch (but not empty)
    ("[1]", [error(-32600)]),
    // rpc call with invalid Batch
    ("[1,2,3]", [error(-32600), error(-32600), error(-32600)]),
    // rpc call Batch
    (
      #"""
      [
        {"jsonrpc": "2.0", "method": "sum", "params": {"a": 1, "b": 2, "c": 4}, "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": {"a": 7}},
        {"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
      ]
      """#, [result(7, "1"), result(19, "2"), error(-32600), error(-32601, "5"), result(["hello", 5], "9")]
    ),
    // rpc call Batch (all notifications)
    (
      #"""
      [
        {"jsonrpc": "2.0", "method": "notify_sum", "params": {"a": 1, "b": 2, "c": 4}},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": {"a": 7}}
      ]
      """#, nil
    ),
  ]

  @Test(arguments: examples) func isAnsweredAsTheSpecificationSays(request: String, expected: JSONValue?) async throws {
    try await withUnixServer(strictNotifications: true) { path in
      let (status, json) = try await answer(path, request)
      #expect(json.map(Self.essence) == expected)
      #expect((status == 204) == (expected == nil))
    }
  }

  @Test(arguments: [
    #"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
    #"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
    #"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#,
  ]) func positionalParametersAreRefused(request: String) async throws {
    try await withUnixServer(strictNotifications: true) { path in
      let (status, json) = try await answer(path, request)
      #expect(status == 400)
      #expect(json?["error"]?["code"] == -32600)
      #expect(json?["error"]?["message"]?.string?.contains("params(not a map)") == true)
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct BatchTests {
  @Test(arguments: ["", #","id":null"#, #","id":"""#]) func withoutStrictnessEveryRequestIsAnswered(id: String) async throws {
    try await withUnixServer { path in
      let request = #"{"jsonrpc":"2.0","method":"id","params":{}\#(id)}"#
      let (status, json) = try await answer(path, request)
      #expect(status == 200)
      #expect(json?["id"]?.string?.utf8.count == 32)
      let (_, batch) = try await answer(path, "[\(request),\(request)]")
      #expect(batch?.array?.count == 2)
      #expect(batch?.array?.allSatisfy { $0["id"] == $0["result"] && $0["id"]?.string?.utf8.count == 32 } == true)
    }
  }

  @Test(arguments: [("null", JSONValue.null), (#""""#, "")]) func strictlyAnIdThatIsThereIsGivenBack(id: String, back: JSONValue)
    async throws
  {
    try await withUnixServer(strictNotifications: true) { path in
      let (status, json) = try await answer(path, call("echo", id: id))
      #expect(status == 200)
      #expect(json == ["jsonrpc": "2.0", "result": [:], "id": back])
    }
  }

  @Test func aNotificationIsCarriedOutAndTheConnectionGoesOn() async throws {
    let metrics = MetricsRegistry()
    let seen = Mutex<[String]>([])
    let handler: JSONRPCServer.Handler = { request in
      seen.withLock { $0.append(request.method) }
      return .fault(.methodNotFound)
    }
    try await withUnixServer(strictNotifications: true, metrics: metrics, handler: handler) { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        try await connection.send(post(#"{"jsonrpc":"2.0","method":"first"}"#))
        let head = try await connection.readAnswer()
        #expect(head?.status == 204)
        #expect(head?.head.contains("content-") == false)
        try await connection.send(post(call("second")))
        #expect(try await connection.readAnswer()?.status == 400)
      }
    }
    #expect(seen.withLock { $0 } == ["first", "second"])
    let notified = metrics.counter("hyper_jsonrpc_server_requests_total", help: "", labels: ["server": "test", "outcome": "notified"])
    #expect(notified.value == 1)
  }

  @Test func theRequestsOfABatchAreWorkedOnSideBySideAndAnsweredInOrder() async throws {
    let together = Meeting(of: 4)
    var calls = RPCLimits()
    calls.batchConcurrency = 4
    let handler: JSONRPCServer.Handler = { request in
      await together.arrive()
      together.leave()
      return .result(.string(request.id))
    }
    try await withUnixServer(calls: calls, handler: handler) { path in
      let (_, json) = try await answer(path, "[" + (1...8).map { call("m", id: "\"\($0)\"") }.joined(separator: ",") + "]")
      #expect(json?.array?.compactMap { $0["id"]?.string } == (1...8).map(String.init))
      #expect(json?.array?.allSatisfy { $0["id"] == $0["result"] } == true)
    }
    #expect(together.mostAtOnce <= 4)
  }

  @Test func aBatchOverTheLimitIsOneErrorAndCounted() async throws {
    var calls = RPCLimits()
    calls.batch = 3
    let metrics = MetricsRegistry()
    try await withUnixServer(calls: calls, metrics: metrics) { path in
      let (fits, _) = try await answer(path, "[1,2,3]")
      #expect(fits == 200)
      let (status, json) = try await answer(path, "[1,2,3,4]")
      #expect(status == 400)
      #expect(json?["error"]?["code"] == -32600)
      #expect(json?["error"]?["message"]?.string?.contains("a batch of 4 requests, at most 3") == true)
    }
    #expect(reached(.batch, metrics) == 1)
  }

  @Test func batchesCanBeSwitchedOff() async throws {
    var calls = RPCLimits()
    calls.batch = 0
    try await withUnixServer(calls: calls) { path in
      let (status, json) = try await answer(path, "[\(call("echo"))]")
      #expect(status == 400)
      #expect(json?["error"]?["code"] == -32700)
    }
  }

  @Test func answersThatTogetherAreTooLargeAreReplacedOneByOne() async throws {
    var calls = RPCLimits()
    calls.batchAnswer = 10_000
    calls.batchConcurrency = 1
    let metrics = MetricsRegistry()
    try await withUnixServer(calls: calls, metrics: metrics) { path in
      let large = { call("large", id: $0, params: #"{"size":4000}"#) }
      let (status, json) = try await answer(path, "[\(large("1")),\(large("2")),\(large("3")),\(call("echo", id: "4"))]")
      #expect(status == 200)
      #expect(json?.array?.map { $0["error"]?["code"] } == [nil, nil, 507, nil])
      #expect(json?.array?.compactMap { $0["id"]?.integer } == [1, 2, 3, 4])
    }
    #expect(reached(.batchAnswer, metrics) == 1)
  }

  @Test func whenAllPlacesAreTakenTheNextRequestIsToldSo() async throws {
    let entered = Signal()
    let leave = Signal()
    var calls = RPCLimits()
    calls.requests = 1
    let metrics = MetricsRegistry()
    let handler: JSONRPCServer.Handler = { _ in
      entered.give()
      await leave.wait()
      return .result(true)
    }
    try await withUnixServer(calls: calls, metrics: metrics, handler: handler) { path in
      async let first = answer(path, call("slow"))
      await entered.wait()
      for body in [call("m"), "[\(call("m"))]"] {
        let (status, json) = try await answer(path, body)
        #expect(status == 503)
        #expect(json?["error"]?["code"] == 503)
      }
      leave.give()
      #expect(try await first.status == 200)
      #expect(try await answer(path, call("m")).status == 200)
    }
    #expect(reached(.requests, metrics) == 2)
  }

  @Test func whatHasNotBegunWhenTheTimeOfABatchIsOverIsNotCarriedOut() async throws {
    var calls = RPCLimits()
    calls.batchConcurrency = 1
    calls.callTime = .milliseconds(50)
    let metrics = MetricsRegistry()
    let handled = Mutex(0)
    let handler: JSONRPCServer.Handler = { request in
      handled.withLock { $0 += 1 }
      // As a handler should: until its deadline, no longer.
      return await DeadlineClock().run(until: request.deadline) { await restUntilTheServerStops() } ?? .result(true)
    }
    try await withUnixServer(calls: calls, metrics: metrics, handler: handler) { path in
      let (_, json) = try await answer(path, "[\(call("m", id: "1")),\(call("m", id: "2")),\(call("m", id: "3"))]")
      #expect(json?.array?.suffix(2).map { $0["error"]?["code"] } == [504, 504])
      #expect(json?.array?.compactMap { $0["id"]?.integer } == [1, 2, 3])
    }
    #expect(handled.withLock { $0 } <= 1)
    #expect(reached(.callTime, metrics) >= 2)
  }
}

private func reached(_ limit: RPCReport.Limit, _ metrics: MetricsRegistry) -> UInt64 {
  metrics.counter("hyper_jsonrpc_server_limit_reached_total", help: "", labels: ["server": "test", "limit": limit.rawValue]).value
}

/// A body of JSON that is none, in all its forms, through a real server: one answer each, and the connection goes on.
@Suite(.timeLimit(.minutes(5))) struct MalformedJSONTests {
  static let bodies: [(what: String, body: [UInt8])] = [
    ("nothing but space", Array(" \t\r\n".utf8)),
    ("a byte order mark", [0xEF, 0xBB, 0xBF] + Array("{}".utf8)),
    ("UTF-16", Array("{}".utf16).flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }),
    ("invalid UTF-8 in a string", Array(#"{"a":""#.utf8) + [0xff, 0xfe] + Array(#""}"#.utf8)),
    ("invalid UTF-8 between values", Array("{".utf8) + [0xC0, 0x80] + Array("}".utf8)),
    ("an overlong encoding", Array(#"{"a":""#.utf8) + [0xC0, 0xAF] + Array(#""}"#.utf8)),
    ("a surrogate in UTF-8", Array(#"{"a":""#.utf8) + [0xED, 0xA0, 0x80] + Array(#""}"#.utf8)),
    ("a NUL", [0]),
    ("a NUL behind a value", Array("{}".utf8) + [0]),
    ("a control character in a string", Array("{\"a\":\"\u{1f}\"}".utf8)),
    ("a line feed in a string", Array("{\"a\":\"\n\"}".utf8)),
    ("an unknown escape", Array(#"{"a":"\x41"}"#.utf8)),
    ("half an escape", Array(#"{"a":"\u12"}"#.utf8)),
    ("an escape at the end", Array(#"{"a":"\"#.utf8)),
    ("no quotes", Array("{a:1}".utf8)),
    ("single quotes", Array("{'a':1}".utf8)),
    ("a comment", Array("{/* x */}".utf8)),
    ("a trailing comma in an object", Array(#"{"a":1,}"#.utf8)),
    ("a trailing comma in an array", Array("[1,]".utf8)),
    ("a leading comma", Array(#"{,"a":1}"#.utf8)),
    ("two commas", Array("[1,,2]".utf8)),
    ("no colon", Array(#"{"a" 1}"#.utf8)),
    ("two colons", Array(#"{"a"::1}"#.utf8)),
    ("no value", Array(#"{"a":}"#.utf8)),
    ("a number as key", Array("{1:1}".utf8)),
    ("an open object", Array(#"{"a":1"#.utf8)),
    ("an open array", Array("[1".utf8)),
    ("an open string", Array(#"{"a"#.utf8)),
    ("the wrong bracket", Array("[1}".utf8)),
    ("a closing bracket alone", Array("]".utf8)),
    ("a leading zero", Array(#"{"a":01}"#.utf8)),
    ("a plus", Array(#"{"a":+1}"#.utf8)),
    ("a minus alone", Array(#"{"a":-}"#.utf8)),
    ("a point without digits", Array(#"{"a":1.}"#.utf8)),
    ("a point in front", Array(#"{"a":.5}"#.utf8)),
    ("an exponent without digits", Array(#"{"a":1e}"#.utf8)),
    ("hexadecimal", Array(#"{"a":0x10}"#.utf8)),
    ("NaN", Array(#"{"a":NaN}"#.utf8)),
    ("Infinity", Array(#"{"a":-Infinity}"#.utf8)),
    ("Python's None", Array(#"{"a":None}"#.utf8)),
    ("a word cut short", Array(#"{"a":tru}"#.utf8)),
    ("a word in capitals", Array(#"{"a":TRUE}"#.utf8)),
    ("two values", Array("{}{}".utf8)),
    ("two values on lines", Array("{}\n{}".utf8)),
    ("arrays without end", Array(String(repeating: "[", count: 100_000).utf8)),
    ("objects without end", Array(String(repeating: #"{"a":"#, count: 20_000).utf8)),
    ("too deep, closed", Array((String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000)).utf8)),
    ("a form", Array("jsonrpc=2.0&method=m".utf8)),
    ("XML", Array("<?xml version=\"1.0\"?><methodCall/>".utf8)),
  ]

  @Test func isOneParseErrorEach() async throws {
    try await withUnixServer { path in
      try await RawConnection.open(.unix(path: path)) { connection in
        for (what, body) in Self.bodies {
          try await connection.send(
            "POST /jsonrpc HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: \(body.count)\r\n\r\n")
          try await connection.send(body)
          let answer = try await connection.readAnswer()
          #expect(answer?.status == 400, "\(what)")
          let json = try JSONValue(parsing: answer?.body ?? "")
          #expect(json["error"]?["code"] == -32700, "\(what): \(json.text)")
          #expect(json["id"] == .null, "\(what)")
          #expect(json["jsonrpc"] == "2.0", "\(what)")
          #expect(json["error"]?["message"]?.string?.hasPrefix("JSON required: ") == true, "\(what)")
        }
        try await connection.send(post(call("echo")))
        #expect(try await connection.readAnswer()?.status == 200)
      }
    }
  }
}
