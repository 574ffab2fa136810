import HyperModel

/// A request as it stands in a body, after every check of PROTOCOL.md 6.1 and before anyone is asked about it.
struct RPCEnvelope: Hashable, Sendable {
  /// Nil when the caller gave none: the server makes one.
  var id: RPCID?
  var method: String
  var params: [String: JSONValue]

  /// The longest method name, in bytes.
  static let methodLengthLimit = 100

  /// Reads one body.
  ///
  /// Arrays are refused with the code of a parse error, as deployed nodes do: batches and notifications would start here. Unlike them
  /// we also refuse bytes behind the first value: a body that is cut or glued together is an error, not a request.
  ///
  /// - Parameter contentType: the header's value; it must be `application/json`, in any case and with any parameters.
  static func read(contentType: String?, body: some Collection<UInt8>) -> Result<RPCEnvelope, CallFault> {
    guard let contentType else { return .failure(.parseError("no content type, expected application/json")) }
    guard isJSON(contentType) else {
      return .failure(.parseError("content type is '\(excerpt(contentType))', expected application/json"))
    }
    if body.isEmpty { return .failure(.parseError("the body is empty")) }
    do {
      return read(try JSONValue(parsing: body))
    } catch {
      return .failure(.parseError("\(error)"))
    }
  }

  /// Checks one JSON value.
  static func read(_ json: JSONValue) -> Result<RPCEnvelope, CallFault> {
    guard let members = json.object else {
      let batch = json.array != nil
      return .failure(.parseError(batch ? "an array, and batches are not supported" : "the body is not an object"))
    }
    var problems: [String: JSONValue] = [:]
    if let problem = versionProblem(members["jsonrpc"]) { problems["jsonrpc"] = problem }
    if let problem = methodProblem(members["method"]) { problems["method"] = problem }
    if members["params"]?.object == nil { problems["params"] = "not a map" }
    let id = RPCID.read(members["id"])
    if id == .refused { problems["id"] = "no possible option worked out" }

    guard problems.isEmpty, let method = members["method"]?.string, let params = members["params"]?.object else {
      return .failure(.invalidRequest(FormError(problems)))
    }
    guard case .given(let own) = id else { return .success(RPCEnvelope(id: nil, method: method, params: params)) }
    return .success(RPCEnvelope(id: own, method: method, params: params))
  }

  private static func versionProblem(_ version: JSONValue?) -> JSONValue? {
    switch version {
    case nil, .null: "is required"
    case "2.0": nil
    default: "invalid choice, must be one of: 2.0"
    }
  }

  private static func methodProblem(_ method: JSONValue?) -> JSONValue? {
    switch method {
    case nil, .null: "is required"
    case .string(let text):
      (1...methodLengthLimit).contains(text.utf8.count) ? nil : .string("must have 1 to \(methodLengthLimit) bytes")
    default: "not a string"
    }
  }

  private static func isJSON(_ contentType: String) -> Bool {
    let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return type.lowercased() == "application/json"
  }

  /// What a message may show of a peer's text.
  private static func excerpt(_ text: String) -> String {
    String(text.prefix(60).map { $0.isASCII && !$0.isNewline ? $0 : "?" })
  }
}
