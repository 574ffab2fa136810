import HyperModel
import SwiftProtobuf

/// Our requests and responses ↔ the messages of PROTOCOL.md 7.1.
///
/// Results and error data that are no objects travel as `{"_": value}` (6.1): they are wrapped here on the way out and unwrapped on the way in.
struct MessageCodec: Hashable, Sendable {
  /// Largest message in bytes.
  var sizeLimit: Int

  /// A JSON level is three protobuf levels (Value, Struct or ListValue, map entry); 128 levels of JSON, the limit of our JSON parser,
  /// and the messages around them fit. Decoding recurses, so there must be a limit.
  private static let depthLimit = 400

  /// Why a message cannot be sent or read; lower case, no full stop.
  struct Failure: Error, Hashable {
    var message: String
  }

  /// A request as a peer sent it.
  struct IncomingRequest: Hashable, Sendable {
    var request: CallRequest
    /// The name the sender speaks for; may be empty.
    var clientName: String
  }

  func encode(_ request: CallRequest, clientName: OperatorName) throws(Failure) -> WireMessage {
    var message = HXRequest()
    message.id = request.id
    message.method = request.method
    message.clientName = clientName.text
    if let params = request.params { message.params = Google_Protobuf_Struct(params) }
    return try encode(message, what: "request \(shortened(request.id))")
  }

  func encode(_ response: CallResponse) throws(Failure) -> WireMessage {
    var message = HXResponse()
    message.id = response.id
    switch response.outcome {
    case .result(nil): break
    case .result(let value?): message.result = Google_Protobuf_Struct(value.wrappedForMesh)
    case .fault(let fault): message.error = HXError(fault)
    }
    return try encode(message, what: "answer to \(shortened(response.id))")
  }

  /// Absent params count as an empty map (PROTOCOL.md 7.2).
  func request(_ wire: WireMessage) throws(Failure) -> IncomingRequest {
    let message: HXRequest = try decode(wire, what: "request")
    return IncomingRequest(
      request: CallRequest(id: message.id, method: message.method, params: message.params.members), clientName: message.clientName)
  }

  func response(_ wire: WireMessage) throws(Failure) -> CallResponse {
    let message: HXResponse = try decode(wire, what: "response")
    if message.hasError { return CallResponse(id: message.id, outcome: .fault(CallFault(message.error))) }
    // `nil` as a literal would be the JSON value null here, which is something else than no result.
    let result: JSONValue? = message.hasResult ? .some(JSONValue.object(message.result.members).unwrappedFromMesh) : .none
    return CallResponse(id: message.id, outcome: .result(result))
  }

  private func encode(_ message: some SwiftProtobuf.Message, what: String) throws(Failure) -> WireMessage {
    let bytes: [UInt8]
    do {
      bytes = try message.serializedBytes()
    } catch {
      throw Failure(message: "\(what) cannot be encoded: \(error)")
    }
    guard bytes.count <= sizeLimit else {
      throw Failure(message: "\(what) has \(bytes.count) bytes, more than the \(sizeLimit) that a message may have")
    }
    return WireMessage(bytes: bytes)
  }

  private func decode<Message: SwiftProtobuf.Message>(_ wire: WireMessage, what: String) throws(Failure) -> Message {
    var options = BinaryDecodingOptions()
    options.messageDepthLimit = Self.depthLimit
    do {
      return try Message(serializedBytes: wire.bytes, options: options)
    } catch {
      throw Failure(message: "peer sent a malformed \(what) of \(wire.bytes.count) bytes: \(error)")
    }
  }
}

extension HXError {
  init(_ fault: CallFault) {
    self.init()
    // A code that does not fit is a fault of the service behind the peer; its sign and the message survive.
    code = Int32(clamping: fault.code)
    message = fault.message
    if let found = fault.data, !found.isNull { data = Google_Protobuf_Struct(found.wrappedForMesh) }
  }
}

extension CallFault {
  init(_ error: HXError) {
    let data: JSONValue? = error.hasData ? .some(JSONValue.object(error.data.members).unwrappedFromMesh) : .none
    self.init(code: Int(error.code), message: error.message, data: data)
  }
}

/// Text chosen by a peer as messages show it: without control characters, at most 120 characters.
func shortened(_ text: String) -> String {
  let limit = 120
  var shown = ""
  for scalar in text.unicodeScalars.prefix(limit) {
    shown += scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: true) : String(scalar)
  }
  return text.unicodeScalars.count > limit ? shown + "…" : shown
}
