import HyperModel

/// What the body of an HTTP request holds: one request, or a batch of them (JSON-RPC 2.0, section 6).
enum RPCBody: Sendable {
  case single(RPCEnvelope)
  /// One or more, in order, each good or not by itself.
  case batch([Result<RPCEnvelope, CallFault>])

  /// Reads one body.
  ///
  /// Unlike deployed nodes we also refuse bytes behind the first value: a body that is cut or glued together is an error, not a request.
  ///
  /// - Parameters:
  ///   - contentType: the header's value; it must be `application/json`, in any case and with any parameters.
  ///   - batchLimit: the most requests of a batch; 0 refuses every batch.
  ///   - clients: what was read of callers before.
  /// - Throws: what to answer instead, as one error object.
  static func read(
    contentType: String?, body: some Collection<UInt8>, batchLimit: Int, clients: KnownClients = KnownClients()
  ) throws(RPCBodyFault) -> RPCBody {
    guard let contentType else { throw .malformed(.parseError("no content type, expected application/json")) }
    guard isJSON(contentType) else {
      throw .malformed(.parseError("content type is '\(excerpt(contentType))', expected application/json"))
    }
    if body.isEmpty { throw .malformed(.parseError("the body is empty")) }
    let json: JSONValue
    do throws(JSONSyntaxError) {
      json = try clients.read(body)
    } catch {
      throw .malformed(.parseError("\(error)"))
    }
    if let items = json.array { return try batch(items, limit: batchLimit) }
    // The code of a parse error, as deployed nodes have it; JSON-RPC 2.0 leaves it open.
    guard json.object != nil else { throw .malformed(.parseError("the body is neither an object nor an array")) }
    switch RPCEnvelope.read(json) {
    case .success(let envelope): return .single(envelope)
    case .failure(let fault): throw .malformed(fault)
    }
  }

  private static func batch(_ items: [JSONValue], limit: Int) throws(RPCBodyFault) -> RPCBody {
    guard limit > 0 else { throw .malformed(.parseError("an array, and batches are switched off here")) }
    guard !items.isEmpty else { throw .malformed(CallFault(code: -32600, message: "invalid request: the batch is empty")) }
    guard items.count <= limit else { throw .batchTooLong(count: items.count, limit: limit) }
    return .batch(items.map(RPCEnvelope.read))
  }

  private static func isJSON(_ contentType: String) -> Bool {
    if contentType == "application/json" { return true }
    let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return type.lowercased() == "application/json"
  }

  /// What a message may show of a peer's text.
  private static func excerpt(_ text: String) -> String {
    String(text.prefix(60).map { $0.isASCII && !$0.isNewline ? $0 : "?" })
  }
}

/// Why a body is not worked on.
enum RPCBodyFault: Error, Hashable, Sendable {
  case malformed(CallFault)
  case batchTooLong(count: Int, limit: Int)

  /// The error object that is answered.
  var fault: CallFault {
    switch self {
    case .malformed(let fault): fault
    case .batchTooLong(let count, let limit):
      CallFault(code: -32600, message: "invalid request: a batch of \(count) requests, at most \(limit) are taken")
    }
  }
}
