import HyperModel

/// A request as it stands in a body, after every check of PROTOCOL.md 6.1 and before anyone is asked about it.
struct RPCEnvelope: Hashable, Sendable {
  /// Nil when the caller gave none that could be sent on: the server makes one.
  var id: RPCID?
  /// The `id` member as it was written; nil when there was none, which is what JSON-RPC 2.0 calls a notification.
  var idMember: JSONValue?
  var method: String
  var params: [String: JSONValue]

  /// The longest method name, in bytes.
  static let methodLengthLimit = 100

  /// Checks one JSON value.
  ///
  /// Members beside the four are ignored. `params` may be absent, as JSON-RPC 2.0 allows; a list is refused, because what travels through
  /// the network has names.
  static func read(_ json: JSONValue) -> Result<RPCEnvelope, CallFault> {
    guard let members = json.object else {
      return .failure(.invalidRequest(FormError(["": "not a map"])))
    }
    var problems: [String: JSONValue] = [:]
    if let problem = versionProblem(members["jsonrpc"]) { problems["jsonrpc"] = problem }
    if let problem = methodProblem(members["method"]) { problems["method"] = problem }
    let params = members["params"] ?? .object([:])
    if params.object == nil { problems["params"] = "not a map" }
    let id = RPCID.read(members["id"])
    if id == .refused { problems["id"] = "no possible option worked out" }

    guard problems.isEmpty, let method = members["method"]?.string, let params = params.object else {
      return .failure(.invalidRequest(FormError(problems)))
    }
    var envelope = RPCEnvelope(id: nil, idMember: members["id"], method: method, params: params)
    if case .given(let own) = id { envelope.id = own }
    return .success(envelope)
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
}
