import HyperModel

/// Turns HTTP requests into JSON-RPC requests and outcomes into HTTP answers.
struct JSONRPCResponder: Sendable {
  let path: String
  let bodyLimit: Int
  let admit: JSONRPCServer.Admission
  let handler: JSONRPCServer.Handler
  let report: RPCReport

  func respond(to request: HTTPRequest, _ body: HTTPBody) async -> HTTPResponse {
    if let fault = await admit(request.caller) {
      report.notAdmitted(request.caller, peer: request.peer, fault: fault)
      return Self.answer(.fault(fault), id: .null, status: 403, closes: true)
    }
    guard request.path == path else {
      report.count(.notFound)
      return .json(404, Array(#"{"message":"not found"}"#.utf8))
    }
    let bytes: [UInt8]
    do throws(HTTPBodyError) {
      bytes = try await body.collect(upTo: bodyLimit)
    } catch {
      report.count(.malformed)
      return Self.unreadable(error)
    }
    switch RPCEnvelope.read(contentType: request.header("content-type"), body: bytes) {
    case .failure(let fault):
      report.count(.malformed)
      return Self.answer(.fault(fault), id: .null)
    case .success(let envelope):
      let id = envelope.id ?? RPCID(inner: Self.freshID())
      let outcome = await handler(
        RPCRequest(id: id.inner, method: envelope.method, params: envelope.params, caller: request.caller))
      report.count(outcome)
      return Self.answer(outcome, id: id.json)
    }
  }

  static func refusal(_ refusal: HTTPRefusal) -> HTTPResponse {
    answer(.fault(CallFault(code: 403, message: refusal.text)), id: .null, status: 403, closes: true)
  }

  /// 32 hex digits from the system's generator, like the ones deployed nodes make (PROTOCOL.md 6.1).
  static func freshID() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(generator.next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  private static func unreadable(_ error: HTTPBodyError) -> HTTPResponse {
    switch error {
    case .tooLarge(let limit):
      let fault = CallFault(code: -32600, message: "invalid request: the body is larger than \(limit) bytes")
      return answer(.fault(fault), id: .null, status: 413, closes: true)
    case .incomplete:
      return answer(.fault(.parseError("the body is incomplete")), id: .null, closes: true)
    }
  }

  private static func answer(
    _ outcome: CallResponse.Outcome, id: JSONValue, status: Int? = nil, closes: Bool = false
  ) -> HTTPResponse {
    let answer = RPCAnswer(outcome, id: id)
    var response = HTTPResponse.json(status ?? answer.status, answer.body)
    response.closes = closes
    return response
  }
}
