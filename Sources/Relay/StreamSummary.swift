/// What is to be said about a stream at its end. Plain values: texts are made when somebody asks for them.
///
/// In the order in which the parts leave no gaps: 128 bytes, which are moved without a call.
public struct StreamSummary: Sendable {
  public let id: StreamID
  public let cause: EndCause
  /// How the hello came and what it offered; nil as `serverName`, but there for a hello without a name, too.
  public let hello: HelloShape?
  /// Refusals of the same cause that were not told since the last one that was.
  public let untold: UInt32
  /// The name in the hello; nil on the private side, and when no hello was read.
  public let serverName: String?
  /// What was found, where the cause alone does not say it: which rule a hello broke, why a dial failed.
  public let detail: String?
  let peer: PeerAddress
  /// Bytes delivered towards the server, the hello included.
  public let bytesUp: UInt64
  /// Bytes delivered towards the client.
  public let bytesDown: UInt64
  let milliseconds: UInt64

  /// Who connected; nil on the private side, where nobody does.
  public var client: SocketAddressText? { SocketAddressText(peer) }
  /// From accept (or order) to the end.
  public var duration: Duration { .milliseconds(milliseconds) }
  public var fault: EndCause.Fault { cause.fault }
}

extension StreamSummary {
  /// For a stream that was named and came to nothing before it lived anywhere.
  static func neverStarted(_ stream: StreamID, _ cause: EndCause, detail: String? = nil) -> StreamSummary {
    StreamSummary(
      id: stream, cause: cause, hello: nil, untold: 0, serverName: nil, detail: detail, peer: .none, bytesUp: 0, bytesDown: 0,
      milliseconds: 0)
  }
}
