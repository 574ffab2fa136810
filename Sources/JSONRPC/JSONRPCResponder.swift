import HyperModel

/// Turns HTTP requests into JSON-RPC requests and outcomes into HTTP answers.
struct JSONRPCResponder: Sendable {
  let path: String
  let bodyLimit: Int
  let limits: RPCLimits
  /// Whether a request without an `id` member gets no answer.
  let strictNotifications: Bool
  let admit: JSONRPCServer.Admission
  let handler: JSONRPCServer.Handler
  let gate: RequestGate
  let clients = KnownClients()
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
      return unreadable(error, from: request.peer)
    }
    do throws(RPCBodyFault) {
      let deadline = ContinuousClock.now + limits.callTime
      switch try RPCBody.read(contentType: request.header("content-type"), body: bytes, batchLimit: limits.batch, clients: clients) {
      case .single(let envelope): return await answer(envelope, of: request, deadline)
      case .batch(let items): return await answer(items, of: request, deadline)
      }
    } catch {
      report.count(.malformed)
      if case .batchTooLong(let count, let limit) = error { report.limitReached(.batch, limit, found: count, peer: request.peer) }
      return Self.answer(.fault(error.fault), id: .null)
    }
  }

  private func answer(_ envelope: RPCEnvelope, of request: HTTPRequest, _ deadline: ContinuousClock.Instant) async -> HTTPResponse {
    guard gate.enter() == 1 else { return busy(request.peer) }
    defer { gate.leave(1) }
    guard let answer = await carryOut(envelope, of: request, deadline) else { return .noContent }
    return .json(answer.status, answer.body)
  }

  /// Calls the handler; nil for a notification.
  private func carryOut(_ envelope: RPCEnvelope, of request: HTTPRequest, _ deadline: ContinuousClock.Instant) async -> RPCAnswer? {
    let id = envelope.id ?? RPCID(inner: Self.freshID())
    let outcome = await handler(
      RPCRequest(id: id.inner, method: envelope.method, params: envelope.params, caller: request.caller, deadline: deadline))
    guard strictNotifications else {
      report.count(outcome)
      return RPCAnswer(outcome, id: id.json)
    }
    guard let member = envelope.idMember else {
      report.notified(envelope.method, outcome)
      return nil
    }
    report.count(outcome)
    return RPCAnswer(outcome, id: envelope.id?.json ?? member)
  }

  // MARK: Batches

  /// Answers in the order of the requests; 200 whatever they say, because they may say different things.
  private func answer(
    _ items: [Result<RPCEnvelope, CallFault>], of request: HTTPRequest, _ deadline: ContinuousClock.Instant
  ) async -> HTTPResponse {
    let width = gate.enter(wanted: min(items.count, max(1, limits.batchConcurrency)))
    guard width > 0 else { return busy(request.peer) }
    defer { gate.leave(width) }
    report.countBatch()
    var assembly = BatchAssembly(count: items.count, limit: limits.batchAnswer)
    await withTaskGroup(of: (Int, RPCAnswer?).self) { group in
      var begun = 0
      while begun < width {
        begin(&group, items, begun, of: request, deadline)
        begun += 1
      }
      for await (position, answer) in group {
        if begun < items.count {
          begin(&group, items, begun, of: request, deadline)
          begun += 1
        }
        if let answer { assembly.add(answer, at: position) }
      }
    }
    if assembly.isCut { report.limitReached(.batchAnswer, limits.batchAnswer, found: assembly.wantedSize, peer: request.peer) }
    guard let body = assembly.body else { return .noContent }
    return .json(200, body)
  }

  private func begin(
    _ group: inout TaskGroup<(Int, RPCAnswer?)>, _ items: [Result<RPCEnvelope, CallFault>], _ position: Int, of request: HTTPRequest,
    _ deadline: ContinuousClock.Instant
  ) {
    let item = items[position]
    group.addTask {
      switch item {
      case .failure(let fault):
        report.count(.malformed)
        return (position, RPCAnswer(.fault(fault), id: .null))
      case .success(let envelope):
        guard ContinuousClock.now < deadline else { return (position, notBegun(envelope, request.peer)) }
        return (position, await carryOut(envelope, of: request, deadline))
      }
    }
  }

  /// The time of a batch is over before this request's turn came.
  private func notBegun(_ envelope: RPCEnvelope, _ peer: String) -> RPCAnswer? {
    report.count(.fault)
    report.limitReached(.callTime, limits.callTime, peer: peer)
    if strictNotifications, envelope.idMember == nil { return nil }
    let fault = CallFault(code: 504, message: "not carried out: the batch took longer than \(limits.callTime)")
    return RPCAnswer(.fault(fault), id: envelope.id?.json ?? envelope.idMember ?? .null)
  }

  // MARK: Refusals

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

  private func busy(_ peer: String) -> HTTPResponse {
    report.count(.busy)
    report.limitReached(.requests, gate.limit, peer: peer)
    let message = "\(gate.limit) requests are being worked on, which is the most at one time; try again later"
    return Self.answer(.fault(CallFault(code: 503, message: message)), id: .null, status: 503)
  }

  private func unreadable(_ error: HTTPBodyError, from peer: String) -> HTTPResponse {
    report.count(.malformed)
    switch error {
    case .tooLarge(let limit):
      report.limitReached(.body, limit, peer: peer)
      let fault = CallFault(code: -32600, message: "invalid request: the body is larger than \(limit) bytes")
      return Self.answer(.fault(fault), id: .null, status: 413, closes: true)
    case .incomplete:
      return Self.answer(.fault(.parseError("the body is incomplete")), id: .null, closes: true)
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
