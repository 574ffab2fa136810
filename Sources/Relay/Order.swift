import ClientHello
import Synchronization

/// What a loop is told to do, by the control plane, another loop or the resolver.
enum Order: Sendable {
  /// Accept from this socket.
  case listen(ListeningSocket)
  /// The stream waits for whoever brings this token, or one of those it waits for already.
  case expect(StreamID, Token)
  case refuse(StreamID, TLSAlert?, EndCause, detail: String?)
  /// The bytes are written to the server before everything else.
  case route(StreamID, DialTarget, preface: [UInt8])
  case join(StreamID, Token, tokenPort: DialTarget, JoinUpstream)
  case cancel(StreamID)
  /// Another loop accepted this connection and read its token. The order owns the descriptor.
  case present(descriptor: Int32, Token)
  /// The resolver's answer for one end of a dialling stream.
  case resolved(slot: UInt32, generation: UInt32, End, DialTarget, Result<[SocketAddress], LookUpFailure>)
  /// Accept nothing more, end when the last stream has ended, or after so many milliseconds.
  case drain(milliseconds: UInt64)

  /// About no stream. There are few of these, and none may be lost.
  var isForTheLoop: Bool {
    switch self {
    case .listen, .drain: true
    case .expect, .refuse, .route, .join, .cancel, .present, .resolved: false
    }
  }
}

/// When the private side of a hand-over presents its token.
public enum TokenTiming: Sendable {
  /// As soon as it can. The client is this one's from then on: if the server cannot be reached, it is told so.
  case atOnce
  /// When the server is connected. If that fails before the period is over, no token is presented and the client stays where it is, so that
  /// whoever ordered can answer and somebody else can come for it; if it fails later, the client is told as with `atOnce`.
  case withServer(QuietPeriod)
}

/// The time in which a server that cannot be reached is the matter of whoever ordered the stream, and not told the client.
///
/// Ends once, by whoever is first: the one who ordered, who does not wait any longer, or the relay, which has found the server unreachable. So
/// one of them always tells somebody. May be used from any thread.
public final class QuietPeriod: Sendable {
  private let isOver = Atomic(false)

  public init() {}

  /// - Returns: false when the relay was first. Then `dialFailed` and `ended` of the stream have come or will come.
  public func end() -> Bool { isOver.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged }
}

/// Which server a joined stream goes to.
enum JoinUpstream: Sendable {
  /// The bytes are written to the server before everything else.
  case server(DialTarget, preface: [UInt8], TokenTiming)
  /// The control plane says so, once the hello is there, which must ask for this name.
  case byHello(serverName: String)
}
