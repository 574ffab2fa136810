/// What is to be said about a stream at its end.
public struct StreamSummary: Sendable {
  public let id: StreamID
  /// The name in the hello; nil on the private side, and when no hello was read.
  public let serverName: String?
  /// How the hello came and what it offered; nil as `serverName`, but there for a hello without a name, too.
  public internal(set) var hello: HelloShape?
  /// Who connected; nil on the private side, where nobody does.
  public let client: SocketAddressText?
  /// Bytes delivered towards the server, the hello included.
  public let bytesUp: UInt64
  /// Bytes delivered towards the client.
  public let bytesDown: UInt64
  /// From accept (or order) to the end.
  public let duration: Duration
  public let cause: EndCause
  /// What was found, where the cause alone does not say it: which rule a hello broke, why a dial failed.
  public let detail: String?
  /// Refusals of the same cause that were not told since the last one that was.
  public internal(set) var untold: UInt64 = 0

  public var fault: EndCause.Fault { cause.fault }
}
