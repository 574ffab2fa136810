public import ClientHello

/// Which of the two connections of an ordered stream is meant.
public enum DialSide: String, Hashable, Sendable {
  /// The token port of the public side.
  case tokenPort = "token_port"
  /// The server, or the address of a static route.
  case upstream
}

/// What the data plane tells the control plane.
public enum RelayEvent: Sendable {
  /// A client's hello is complete and names a server. Answer with `awaitHandover` (not for a stream that was joined), `route` or
  /// `refuse` within the wait. Over a leg nobody knows the client's address.
  indirect case helloArrived(StreamID, ClientHelloFacts, client: SocketAddressText)
  /// Both ends of a stream that was ordered, or that `helloArrived` has named, are connected and bytes flow.
  case joined(StreamID)
  /// One end could not be reached. `ended` follows when the stream is gone.
  case dialFailed(StreamID, side: DialSide, message: String)
  /// The stream is gone; its name will not be heard again. Sent once for every stream that was ever named, and for every other
  /// client, except that of those refused only some are told of (`refusalsTold`).
  case ended(StreamSummary)
  /// Something an operator should know; each kind at most once per `noticeInterval` and loop.
  case notice(RelayNotice)
}

/// Trouble of the engine as a whole.
public enum RelayNotice: Hashable, Sendable {
  /// No descriptors left: the connection was closed at once and accepting paused. `count`: how many since the last notice.
  case descriptorsExhausted(count: UInt64)
  /// A bound was reached and connections were closed right after accept: the last one came from there. `count`: how many
  /// since the last notice.
  case limitReached(RelayLimit, by: SocketAddressText?, count: UInt64)
  /// Accepting failed in another way, for example for want of memory; it was paused.
  case acceptFailed(message: String, count: UInt64)
}
