import HyperModel

/// The body and the HTTP status of an answer (PROTOCOL.md 6.1): 200 with a result, 400 whenever there is an error.
struct RPCAnswer: Hashable, Sendable {
  var status: Int
  var body: [UInt8]
  let id: JSONValue

  /// - Parameter id: the caller's own id and type; null when the request could not be read.
  init(_ outcome: CallResponse.Outcome, id: JSONValue) {
    self.id = id
    var members: [String: JSONValue] = ["jsonrpc": "2.0", "id": id]
    switch outcome {
    case .result(let value):
      status = 200
      members["result"] = value
    case .fault(let fault):
      status = 400
      members["error"] = Self.json(fault)
    }
    body = JSONValue.object(members).serialized()
  }

  private static func json(_ fault: CallFault) -> JSONValue {
    var members: [String: JSONValue] = ["code": .integer(Int64(fault.code)), "message": .string(fault.message)]
    members["data"] = fault.data
    return .object(members)
  }

  /// Reads the body of an answer.
  ///
  /// The HTTP status is not looked at and neither is the id: there is one call at a time on a connection, and deployed nodes answer a
  /// call without id under one of their own (WIRE.md 1a).
  /// - Returns: nil when this is no JSON-RPC answer.
  static func outcome(of body: JSONValue) -> CallResponse.Outcome? {
    guard let members = body.object else { return nil }
    if let error = members["error"], !error.isNull {
      guard let code = error["code"]?.integer, let message = error["message"]?.string else { return nil }
      return .fault(CallFault(code: Int(code), message: message, data: error["data"]))
    }
    // A node that delivered an empty answer leaves the member out; what marks the object as an answer is then its version.
    guard members["result"] != nil || members["jsonrpc"] != nil else { return nil }
    return .result(members["result"])
  }
}

/// The body of a call.
struct RPCCall: Hashable, Sendable {
  var method: String
  var params: [String: JSONValue]
  /// Goes out as the parameter `_client`.
  var client: EncodedClient?
  var id: JSONValue

  var body: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity((client?.json.count ?? 0) + 512)
    bytes += #"{"jsonrpc":"2.0","method":"#.utf8
    JSONValue.string(method).serialize(into: &bytes)
    bytes += #","id":"#.utf8
    id.serialize(into: &bytes)
    bytes += #","params":{"#.utf8
    var isFirst = true
    func begin(_ key: String) {
      if !isFirst { bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      JSONValue.string(key).serialize(into: &bytes)
      bytes.append(UInt8(ascii: ":"))
    }
    for (key, value) in params where client == nil || key != ClientParameter.key {
      begin(key)
      value.serialize(into: &bytes)
    }
    if let client {
      begin(ClientParameter.key)
      bytes += client.json
    }
    bytes += "}}".utf8
    return bytes
  }
}
