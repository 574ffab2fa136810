import ClientHello

/// What a loop is told to do, by the control plane, another loop or the resolver.
enum Order: Sendable {
  /// Accept from this socket.
  case listen(ListeningSocket)
  /// The stream waits for whoever brings this token, or one of those it waits for already.
  case expect(StreamID, Token)
  case refuse(StreamID, TLSAlert?, EndCause, detail: String?)
  case route(StreamID, DialTarget)
  case join(StreamID, Token, tokenPort: DialTarget, JoinUpstream)
  case cancel(StreamID)
  /// Another loop accepted this connection and read its token. The order owns the descriptor.
  case present(descriptor: Int32, Token)
  /// The resolver's answer for one end of a dialling stream.
  case resolved(slot: UInt32, generation: UInt32, End, DialTarget, Result<[SocketAddress], LookUpFailure>)
  /// Accept nothing more, end when the last stream has ended, or after so many milliseconds.
  case drain(milliseconds: UInt64)
}

/// Which server a joined stream goes to.
enum JoinUpstream: Sendable {
  case server(DialTarget)
  /// The control plane says so, once the hello is there, which must ask for this name.
  case byHello(serverName: String)
}
