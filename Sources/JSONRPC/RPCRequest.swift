public import HyperModel

/// A request that passed every check of the envelope (PROTOCOL.md 6.1), and who sent it.
public struct RPCRequest: Sendable, Hashable {
  /// The inner id in the form of PROTOCOL.md 6.1: the caller's, escaped, or 32 hex digits when it gave none.
  public var id: String
  public var method: String
  public var params: [String: JSONValue]
  public var caller: Caller

  public init(id: String, method: String, params: [String: JSONValue], caller: Caller) {
    self.id = id
    self.method = method
    self.params = params
    self.caller = caller
  }
}
