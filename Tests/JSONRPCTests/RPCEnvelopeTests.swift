import HyperModel
import Testing

@testable import JSONRPC

/// One request of a body; what else a body can hold is in `RPCBodyTests`.
private func read(_ text: String, contentType: String? = "application/json") -> Result<RPCEnvelope, CallFault> {
  do throws(RPCBodyFault) {
    guard case .single(let envelope) = try RPCBody.read(contentType: contentType, body: Array(text.utf8), batchLimit: 10) else {
      return .failure(CallFault(code: 0, message: "a batch"))
    }
    return .success(envelope)
  } catch {
    return .failure(error.fault)
  }
}

private func fault(_ text: String, contentType: String? = "application/json") -> CallFault? {
  guard case .failure(let fault) = read(text, contentType: contentType) else { return nil }
  return fault
}

@Suite struct RPCEnvelopeTests {
  @Test func aWholeRequestIsRead() throws {
    let envelope = try read(#"{"jsonrpc":"2.0","method":"a.b","params":{"x":1},"id":"7"}"#).get()
    #expect(envelope == RPCEnvelope(id: RPCID(inner: "7"), idMember: "7", method: "a.b", params: ["x": 1]))
  }

  @Test(arguments: [
    "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x", " application/json",
  ]) func jsonContentTypesAreTaken(type: String) {
    #expect(throws: Never.self) { try read(#"{"jsonrpc":"2.0","method":"m","params":{}}"#, contentType: type).get() }
  }

  @Test(arguments: [nil, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/json-rpc"])
  func otherContentTypesAreRefused(type: String?) {
    #expect(fault(#"{"jsonrpc":"2.0","method":"m","params":{}}"#, contentType: type)?.code == -32700)
  }

  @Test(arguments: [
    "", " ", "nonsense", "1", "null", "\"x\"", "{", "{}{}", "{} x", #"{"a":}"#, #"{'a':1}"#, "\u{FEFF}{}", #"{"a":1,}"#,
    #"{"a":"\uD800\"}"#, "{\"a\":\"\u{1}\"}", "{\"a\" 1}", "NaN", #"{"a":01}"#, String(repeating: "[", count: 100_000),
    String(repeating: #"{"a":"#, count: 10_000),
  ]) func whatIsNoJSONObjectIsAParseError(text: String) {
    #expect(fault(text)?.code == -32700)
  }

  @Test func anEmptyObjectNamesEveryMissingMember() {
    let fault = fault("{}")
    #expect(fault?.code == -32600)
    #expect(
      fault?.message == "invalid request: invalid input data: jsonrpc(is required), method(is required)")
    #expect(fault?.data?["code"] == "FORM-ERROR")
    #expect(fault?.data?["data"]?["method"] == "is required")
    #expect(fault?.data?["traceback"] == [])
  }

  @Test(arguments: [
    (#"{"jsonrpc":"1.0","method":"m","params":{}}"#, "jsonrpc(invalid choice, must be one of: 2.0)"),
    (#"{"jsonrpc":2.0,"method":"m","params":{}}"#, "jsonrpc(invalid choice, must be one of: 2.0)"),
    (#"{"jsonrpc":"2.0","method":"m","params":"bar"}"#, "params(not a map)"),
    (#"{"jsonrpc":"2.0","method":"m","params":[1]}"#, "params(not a map)"),
    (#"{"jsonrpc":"2.0","method":"m","params":null}"#, "params(not a map)"),
    (#"{"jsonrpc":"2.0","method":"","params":{}}"#, "method(must have 1 to 100 bytes)"),
    (#"{"jsonrpc":"2.0","method":7,"params":{}}"#, "method(not a string)"),
    (#"{"jsonrpc":"2.0","method":"m","params":{},"id":1.5}"#, "id(no possible option worked out)"),
    (#"{"jsonrpc":"2.0","method":"m","params":{},"id":99999999999}"#, "id(no possible option worked out)"),
    (#"{"jsonrpc":"2.0","method":"m","params":{},"id":true}"#, "id(no possible option worked out)"),
    (#"{"jsonrpc":"2.0","method":"m","params":{},"id":{}}"#, "id(no possible option worked out)"),
  ]) func wrongMembersAreNamed(text: String, problem: String) {
    #expect(fault(text)?.code == -32600)
    #expect(fault(text)?.message == "invalid request: invalid input data: \(problem)")
  }

  @Test func paramsMayBeAbsent() throws {
    #expect(try read(#"{"jsonrpc":"2.0","method":"m"}"#).get().params == [:])
  }

  @Test func theIdMemberIsKeptAsItWasWritten() throws {
    for (id, member) in [("", nil), (#","id":null"#, .null), (#","id":"""#, ""), (#","id":7"#, 7)] as [(String, JSONValue?)] {
      #expect(try read(#"{"jsonrpc":"2.0","method":"m"\#(id)}"#).get().idMember == member)
    }
  }

  @Test func theLongestMethodIsCountedInBytes() {
    let fits = String(repeating: "ä", count: 50)
    #expect(throws: Never.self) { try read(#"{"jsonrpc":"2.0","method":"\#(fits)","params":{}}"#).get() }
    #expect(fault(#"{"jsonrpc":"2.0","method":"\#(fits)x","params":{}}"#)?.code == -32600)
  }

  @Test(arguments: ["", #","id":null"#, #","id":"""#]) func absentIdsAreLeftToTheServer(id: String) throws {
    #expect(try read(#"{"jsonrpc":"2.0","method":"m","params":{}\#(id)}"#).get().id == nil)
  }

  @Test func theIdOfExactly1024BytesIsTaken() throws {
    let id = String(repeating: "i", count: 1024)
    #expect(try read(#"{"jsonrpc":"2.0","method":"m","params":{},"id":"\#(id)"}"#).get().id?.inner == id)
    #expect(fault(#"{"jsonrpc":"2.0","method":"m","params":{},"id":"\#(id)i"}"#)?.code == -32600)
  }
}

@Suite struct RPCAnswerTests {
  private func text(_ outcome: CallResponse.Outcome, id: JSONValue) -> String {
    String(decoding: RPCAnswer(outcome, id: id).body, as: UTF8.self)
  }

  @Test func aResultHasStatus200() {
    #expect(RPCAnswer(.result("ok"), id: 7).status == 200)
    #expect(text(.result("ok"), id: 7) == #"{"id":7,"jsonrpc":"2.0","result":"ok"}"#)
  }

  @Test func aNullResultIsThereAndAnEmptyOneIsNot() {
    #expect(text(.result(.null), id: "a") == #"{"id":"a","jsonrpc":"2.0","result":null}"#)
    #expect(text(.result(nil), id: "a") == #"{"id":"a","jsonrpc":"2.0"}"#)
  }

  @Test func anErrorHasStatus400AndTheVersionWithoutAComma() {
    let fault = CallFault(code: 404, message: "no matching connection found", data: [:])
    #expect(RPCAnswer(.fault(fault), id: .null).status == 400)
    #expect(
      text(.fault(fault), id: .null)
        == #"{"error":{"code":404,"data":{},"message":"no matching connection found"},"id":null,"jsonrpc":"2.0"}"#)
  }

  @Test func absentErrorDataIsLeftOutAndNullStays() {
    #expect(
      text(.fault(.methodNotFound), id: .null) == #"{"error":{"code":-32601,"message":"method not found"},"id":null,"jsonrpc":"2.0"}"#)
    let withNull = CallFault(code: 1, message: "x", data: .null)
    #expect(text(.fault(withNull), id: .null) == #"{"error":{"code":1,"data":null,"message":"x"},"id":null,"jsonrpc":"2.0"}"#)
  }

  @Test func answersOfDeployedNodesAreRead() {
    #expect(RPCAnswer.outcome(of: ["jsonrpc": "2.0", "result": ["message": "ok"], "id": "e3df"]) == .result(["message": "ok"]))
    #expect(RPCAnswer.outcome(of: ["result": [nil], "id": "fe56"]) == .result([nil]))
    let early: JSONValue = ["jsonrpc": "2.0,", "error": ["code": -32700, "message": "JSON required"], "id": nil]
    #expect(RPCAnswer.outcome(of: early) == .fault(CallFault(code: -32700, message: "JSON required")))
    #expect(RPCAnswer.outcome(of: ["jsonrpc": "2.0", "id": 1]) == .result(nil))
  }

  @Test(
    arguments: [
      [:], [], "x", nil, ["message": "not found"], ["error": "text", "id": 1], ["jsonrpc": "2.0", "error": ["code": "1"]],
    ] as [JSONValue]) func whatIsNoAnswerIsNotTakenForOne(value: JSONValue)
  {
    #expect(RPCAnswer.outcome(of: value) == nil)
  }
}

@Suite struct FormErrorTests {
  @Test func nestedProblemsReadAsOneLine() {
    let inner = FormError(["expires_at": "too far"])
    let outer = FormError(["connections": inner.json, "a": "is required"])
    #expect(outer.message.hasPrefix("invalid input data: a(is required), connections({"))
    #expect(CallFault.invalidParams(outer).data?["data"]?["connections"]?["data"]?["expires_at"] == "too far")
  }
}
