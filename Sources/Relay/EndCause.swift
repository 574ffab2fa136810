/// Why a stream ended. One case per cause that somebody may want to count or to do something about.
public enum EndCause: String, CaseIterable, Hashable, Sendable {
  /// Both sides said so, and everything was delivered.
  case finished
  /// The client's side reset or lost its connection while bytes were relayed.
  case clientReset = "client_reset"
  /// The upstream's side did.
  case upstreamReset = "upstream_reset"
  /// The client left before there was anything to relay.
  case clientGone = "client_gone"

  /// No complete hello in time.
  case helloTimeout = "hello_timeout"
  /// The client closed before its hello was complete.
  case helloIncomplete = "hello_incomplete"
  /// What came is TLS, but no hello that one may send.
  case malformedHello = "malformed_hello"
  /// What came is not TLS.
  case notTLS = "not_tls"
  /// The hello names no server.
  case noServerName = "no_server_name"
  /// The hello names a server that nobody announced.
  case unknownName = "unknown_name"
  /// The name in the hello has routes, but for other protocols than the hello offers.
  case noProtocol = "no_protocol"
  /// The control plane will not have it.
  case policy
  /// Too many bytes of unrouted hellos, of all or of this source.
  case helloBudget = "hello_budget"
  /// Too many clients waiting.
  case tooManyWaiting = "too_many_waiting"
  /// Too many streams, of all or of this source.
  case tooManyStreams = "too_many_streams"

  /// The control plane or the private side did not answer in time.
  case waitedTooLong = "waited_too_long"
  /// The private side answered that it will not or cannot take the client.
  case privateSideRefused = "private_side_refused"
  /// The private side is known to be away.
  case privateSideAway = "private_side_away"
  /// The upstream could not be reached.
  case upstreamUnreachable = "upstream_unreachable"
  /// The token port could not be reached.
  case tokenPortUnreachable = "token_port_unreachable"

  /// Nothing moved for the idle time.
  case idle
  /// The control plane ended it.
  case cancelled
  /// The engine stopped.
  case stopped
  /// The kernel refused something that we needed.
  case system

  /// Whose fault an end was.
  public enum Fault: String, Hashable, Sendable {
    case none, client, upstream, ours
  }

  public var fault: Fault {
    switch self {
    case .finished, .idle, .cancelled: .none
    case .clientReset, .clientGone, .helloTimeout, .helloIncomplete, .malformedHello, .notTLS, .noServerName, .unknownName,
      .noProtocol, .policy:
      .client
    case .upstreamReset, .waitedTooLong, .privateSideRefused, .privateSideAway, .upstreamUnreachable, .tokenPortUnreachable: .upstream
    case .helloBudget, .tooManyWaiting, .tooManyStreams, .stopped, .system: .ours
    }
  }
}
