import HyperModel
import Synchronization

/// Our requests and responses ↔ the messages of PROTOCOL.md 7.1.
///
/// Results and error data that are no objects travel as `{"_": value}` (6.1): they are wrapped here on the way out and unwrapped on the way in.
/// Written by hand instead of through the generated messages, because every call passes here twice at each node; the tests hold it against them.
struct MessageCodec: Sendable {
  /// Largest message in bytes.
  var sizeLimit: Int
  private let clientEntry = ClientEntry()

  init(sizeLimit: Int) {
    self.sizeLimit = sizeLimit
  }

  /// Structs, lists and values around each other. 128 levels of JSON, the limit of our JSON parser, and those around them fit. Decoding recurses,
  /// so there must be a limit.
  private static let depthLimit = 266

  /// Why a message cannot be sent or read; lower case, no full stop.
  struct Failure: Error, Hashable {
    var message: String
  }

  /// A request as a peer sent it, but for `_client`: what the sender says about itself is never read.
  struct IncomingRequest: Hashable, Sendable {
    var request: CallRequest
    /// The name the sender speaks for; may be empty.
    var clientName: String
  }

  func encode(_ request: CallRequest, clientName: OperatorName) throws(Failure) -> WireMessage {
    let client = request.client.map(clientEntry.bytes)
    var writer = ProtobufWriter(capacity: 512 + (client?.count ?? 0))
    writer.text(1, request.method)
    if request.params != nil || client != nil {
      writer.message(2) { params in
        params.members(request.params ?? [:])
        if let client { params.message(1, client) }
      }
    }
    writer.text(3, request.id)
    writer.text(4, clientName.text)
    return try checked(writer, "request", request.id)
  }

  func encode(_ response: CallResponse) throws(Failure) -> WireMessage {
    var writer = ProtobufWriter()
    writer.text(1, response.id)
    switch response.outcome {
    case .result(nil): break
    case .result(let value?): writer.message(2) { $0.members(value.wrappedForMesh) }
    case .fault(let fault): writer.message(3) { $0.fault(fault) }
    }
    return try checked(writer, "answer to", response.id)
  }

  private func checked(_ writer: ProtobufWriter, _ what: String, _ id: String) throws(Failure) -> WireMessage {
    guard writer.bytes.count <= sizeLimit else {
      throw Failure(message: "\(what) \(shortened(id)) has \(writer.bytes.count) bytes, more than the \(sizeLimit) that a message may have")
    }
    return WireMessage(bytes: writer.bytes)
  }

  /// Absent params count as an empty map (PROTOCOL.md 7.2).
  func request(_ wire: WireMessage) throws(Failure) -> IncomingRequest {
    var (id, method, clientName) = ("", "", "")
    var params: [String: JSONValue] = [:]
    try read(wire, what: "request") { (reader, field, range) throws(ProtobufReader.Failure) in
      switch field {
      case 1: method = try reader.string(range)
      case 2:
        var content = reader.message(range)
        try content.members(into: &params, leavingOut: ClientParameter.key, depth: Self.depthLimit)
      case 3: id = try reader.string(range)
      case 4: clientName = try reader.string(range)
      default: break
      }
    }
    return IncomingRequest(request: CallRequest(id: id, method: method, params: params), clientName: clientName)
  }

  func response(_ wire: WireMessage) throws(Failure) -> CallResponse {
    var id = ""
    var result: [String: JSONValue] = [:]
    var fault: CallFault?
    try read(wire, what: "response") { (reader, field, range) throws(ProtobufReader.Failure) in
      switch field {
      case 1: id = try reader.string(range)
      case 2:
        var content = reader.message(range)
        try content.members(into: &result, depth: Self.depthLimit)
      case 3:
        var content = reader.message(range)
        fault = try content.fault(depth: Self.depthLimit)
      default: break
      }
    }
    if let fault { return CallResponse(id: id, outcome: .fault(fault)) }
    // No result on the wire is an empty object for who asked (PROTOCOL.md 21, 7.3).
    return CallResponse(id: id, outcome: .result(JSONValue.object(result).unwrappedFromMesh))
  }

  /// The id of a response and nothing else of it.
  func responseID(_ wire: WireMessage) throws(Failure) -> String {
    var id = ""
    try read(wire, what: "response") { (reader, field, range) throws(ProtobufReader.Failure) in
      if field == 1 { id = try reader.string(range) }
    }
    return id
  }

  /// All fields of our messages are strings or messages; others are passed over, as protobuf wants it.
  private func read(
    _ wire: WireMessage, what: String,
    _ take: (ProtobufReader, _ field: UInt64, _ range: Range<Int>) throws(ProtobufReader.Failure) -> Void
  ) throws(Failure) {
    var reader = ProtobufReader(wire.bytes)
    do throws(ProtobufReader.Failure) {
      while let (field, content) = try reader.next() {
        if case .delimited(let range) = content { try take(reader, field, range) }
      }
    } catch {
      throw Failure(message: "peer sent a malformed \(what) of \(wire.bytes.count) bytes: \(error)")
    }
  }
}

extension ProtobufWriter {
  /// A string that is left out when it is empty, as proto3 does with fields of messages.
  fileprivate mutating func text(_ field: UInt8, _ text: String) {
    if !text.isEmpty { string(field, text) }
  }

  fileprivate mutating func fault(_ fault: CallFault) {
    // A code that does not fit is a fault of the service behind the peer; its sign and the message survive.
    let code = Int32(clamping: fault.code)
    if code != 0 { varint(1, UInt64(bitPattern: Int64(code))) }
    text(2, fault.message)
    if let data = fault.data, !data.isNull { message(3) { $0.members(data.wrappedForMesh) } }
  }
}

extension ProtobufReader {
  fileprivate mutating func fault(depth: Int) throws(Failure) -> CallFault {
    var fault = CallFault(code: 0, message: "")
    while let (field, content) = try next() {
      switch (field, content) {
      case (1, .varint(let code)): fault.code = Int(Int32(truncatingIfNeeded: code))
      case (2, .delimited(let range)): fault.message = try string(range)
      case (3, .delimited(let range)):
        var reader = message(range)
        var members: [String: JSONValue] = [:]
        try reader.members(into: &members, depth: depth)
        fault.data = JSONValue.object(members).unwrappedFromMesh
      default: break
      }
    }
    return fault
  }
}

/// The encoded entry `_client` of the params of our requests. A node sends requests in its own name only, so that one is kept: the last one.
///
/// `last` is the only mutable state, behind its mutex.
private final class ClientEntry: Sendable {
  private let last = Mutex<(client: EncodedClient, bytes: [UInt8])?>(nil)

  func bytes(of client: EncodedClient) -> [UInt8] {
    if let known = last.withLock({ $0?.client === client ? $0?.bytes : nil }) { return known }
    var writer = ProtobufWriter(capacity: client.json.count * 2)
    writer.string(1, ClientParameter.key)
    writer.message(2) { $0.value(client.value) }
    let bytes = writer.bytes
    last.withLock { $0 = (client, bytes) }
    return bytes
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
