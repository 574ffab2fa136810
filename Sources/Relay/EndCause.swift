/// Why a stream ended. One case per cause that somebody may want to count or to do something about.
public enum EndCause: UInt8, CaseIterable, Hashable, Sendable {
  /// Both sides said so, and everything was delivered.
  case finished
  /// The client's side reset or lost its connection while bytes were relayed.
  case clientReset
  /// The upstream's side did.
  case upstreamReset
  /// The client left before there was anything to relay.
  case clientGone

  /// No complete hello in time.
  case helloTimeout
  /// The client closed before its hello was complete.
  case helloIncomplete
  /// What came is TLS, but no hello that one may send.
  case malformedHello
  /// What came is not TLS.
  case notTLS
  /// The hello names no server.
  case noServerName
  /// The hello names a server that nobody announced.
  case unknownName
  /// The name in the hello has routes, but for other protocols than the hello offers.
  case noProtocol
  /// The control plane will not have it.
  case policy
  /// Too many bytes of unrouted hellos, of all or of this source.
  case helloBudget
  /// The name is asked for too often.
  case tooOften
  /// Too many clients waiting, of all, of this source or for this name.
  case tooManyWaiting
  /// Too many streams, of all or of this name.
  case tooManyStreams

  /// The control plane or the private side did not answer in time.
  case waitedTooLong
  /// The private side answered that it will not or cannot take the client.
  case privateSideRefused
  /// The private side is known to be away.
  case privateSideAway
  /// The upstream could not be reached.
  case upstreamUnreachable
  /// The token port could not be reached.
  case tokenPortUnreachable

  /// Nothing moved for the idle time.
  case idle
  /// The control plane ended it.
  case cancelled
  /// The engine stopped.
  case stopped
  /// The kernel refused something that we needed.
  case system

  /// For log lines and labels of metrics.
  public var name: String {
    switch self {
    case .finished: "finished"
    case .clientReset: "client_reset"
    case .upstreamReset: "upstream_reset"
    case .clientGone: "client_gone"
    case .helloTimeout: "hello_timeout"
    case .helloIncomplete: "hello_incomplete"
    case .malformedHello: "malformed_hello"
    case .notTLS: "not_tls"
    case .noServerName: "no_server_name"
    case .unknownName: "unknown_name"
    case .noProtocol: "no_protocol"
    case .policy: "policy"
    case .helloBudget: "hello_budget"
    case .tooOften: "too_often"
    case .tooManyWaiting: "too_many_waiting"
    case .tooManyStreams: "too_many_streams"
    case .waitedTooLong: "waited_too_long"
    case .privateSideRefused: "private_side_refused"
    case .privateSideAway: "private_side_away"
    case .upstreamUnreachable: "upstream_unreachable"
    case .tokenPortUnreachable: "token_port_unreachable"
    case .idle: "idle"
    case .cancelled: "cancelled"
    case .stopped: "stopped"
    case .system: "system"
    }
  }

  /// True when the stream ended before there was anything to relay, for whatever reason.
  public var isRefusal: Bool {
    switch self {
    case .finished, .clientReset, .upstreamReset, .idle, .cancelled, .stopped: false
    case .clientGone, .helloTimeout, .helloIncomplete, .malformedHello, .notTLS, .noServerName, .unknownName, .noProtocol, .policy,
      .helloBudget, .tooOften, .tooManyWaiting, .tooManyStreams, .waitedTooLong, .privateSideRefused, .privateSideAway,
      .upstreamUnreachable, .tokenPortUnreachable, .system:
      true
    }
  }

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
    case .helloBudget, .tooOften, .tooManyWaiting, .tooManyStreams, .stopped, .system: .ours
    }
  }
}
