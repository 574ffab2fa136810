public import HyperModel

/// A request that passed every check of the envelope (PROTOCOL.md 6.1), and who sent it.
public struct RPCRequest: Sendable, Hashable {
  /// The inner id in the form of PROTOCOL.md 6.1: the caller's, escaped, or 32 hex digits when it gave none.
  public var id: String
  public var method: String
  public var params: [String: JSONValue]
  public var caller: Caller
  /// When the caller is to have its answer: `RPCLimits.callTime` after the request, or the batch it came in, had arrived.
  public var deadline: ContinuousClock.Instant

  public init(
    id: String, method: String, params: [String: JSONValue], caller: Caller,
    deadline: ContinuousClock.Instant = .now + RPCLimits().callTime
  ) {
    self.id = id
    self.method = method
    self.params = params
    self.caller = caller
    self.deadline = deadline
  }
}
