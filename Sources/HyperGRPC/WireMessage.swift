import GRPCCore

/// One encoded protobuf message.
///
/// The streams carry bytes, not messages: a message that is too large or malformed is then the failure of one call, found before it is
/// written or after it was read, and never of the stream that other calls share.
struct WireMessage: Hashable, Sendable {
  var bytes: [UInt8]
}

struct WireMessageSerializer: MessageSerializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: WireMessage) -> Bytes {
    Bytes(message.bytes)
  }
}

struct WireMessageDeserializer: MessageDeserializer {
  func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) -> WireMessage {
    WireMessage(bytes: serializedMessageBytes.withUnsafeBytes { Array($0) })
  }
}
