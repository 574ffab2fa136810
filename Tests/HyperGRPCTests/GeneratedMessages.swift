import HyperModel
import SwiftProtobuf

@testable import HyperGRPC

// The generated messages as a second reading of the wire format, to hold `MessageCodec` against.

extension JSONValue {
  /// Doubles hold every whole number up to this size exactly; beyond it a whole double may have been something else.
  private static let exactIntegers = -9_007_199_254_740_992.0...9_007_199_254_740_992.0

  init(_ value: Google_Protobuf_Value) {
    switch value.kind {
    case .none, .nullValue: self = .null
    case .boolValue(let flag): self = .bool(flag)
    case .numberValue(let number):
      if Self.exactIntegers.contains(number), let whole = Int64(exactly: number) { self = .integer(whole) } else { self = .number(number) }
    case .stringValue(let text): self = .string(text)
    case .listValue(let list): self = .array(list.values.map(JSONValue.init))
    case .structValue(let members): self = .object(members.members)
    }
  }

  var protobuf: Google_Protobuf_Value {
    var value = Google_Protobuf_Value()
    switch self {
    case .null: value.kind = .nullValue(.nullValue)
    case .bool(let flag): value.kind = .boolValue(flag)
    case .integer(let number): value.kind = .numberValue(Double(number))
    case .number(let number): value.kind = number.isFinite ? .numberValue(number) : .nullValue(.nullValue)
    case .string(let text): value.kind = .stringValue(text)
    case .array(let elements): value.kind = .listValue(Google_Protobuf_ListValue(values: elements.map(\.protobuf)))
    case .object(let members): value.kind = .structValue(Google_Protobuf_Struct(members))
    }
    return value
  }
}

extension Google_Protobuf_Struct {
  init(_ members: [String: JSONValue]) { self.init(fields: members.mapValues(\.protobuf)) }

  var members: [String: JSONValue] { fields.mapValues(JSONValue.init) }
}

extension WireMessage {
  init(_ message: some SwiftProtobuf.Message) throws { self.init(bytes: try message.serializedBytes()) }

  func decoded<Message: SwiftProtobuf.Message>(as type: Message.Type = Message.self) throws -> Message {
    var options = BinaryDecodingOptions()
    options.messageDepthLimit = 400
    return try Message(serializedBytes: bytes, options: options)
  }
}
