/// The parameter `_client` of one caller together with its text, which is made once for all the calls that carry it: an entry of the directory is
/// some kilobytes, the rest of a call is not. Immutable; compared by value.
public final class EncodedClient: Sendable {
  public let value: JSONValue
  /// `value` as JSON text.
  public let json: [UInt8]

  public init(_ parameter: ClientParameter) {
    value = parameter.json
    json = value.serialized()
  }
}

extension EncodedClient: Hashable {
  public static func == (left: EncodedClient, right: EncodedClient) -> Bool { left === right || left.json == right.json }

  public func hash(into hasher: inout Hasher) { hasher.combine(json) }
}
