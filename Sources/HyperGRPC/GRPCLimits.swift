/// The bounds of both gRPC channels. Each is here once, with its reason.
public struct GRPCLimits: Hashable, Sendable {
  /// Largest message either way, in bytes. The deployed nodes refuse more than 4 MiB (PROTOCOL.md 7.1).
  public var messageSize = 4 * 1024 * 1024
  /// How long a request from a peer may take here before it is answered with a failure. Peers set no deadline of their own.
  public var callTime: Duration = .seconds(30)
  /// Requests that one `ServerCall` stream carries at once when both ends agree: enough to hide a slow service behind quick ones.
  public var concurrency = 64
  /// Requests that may wait for one peer's stream; more are refused at once, because their callers would time out anyway.
  public var queuedCalls = 1024
  /// One attempt to connect, from the first packet to the peer's first HTTP/2 frame (DESIGN.md 4).
  public var connectTime: Duration = .seconds(2)
  /// From accepting a connection to the end of its handshake. Generous for slow links, short enough that silent clients go away.
  public var handshakeTime: Duration = .seconds(10)
  /// From opening a `ServerCall` to its announcement.
  public var announcementTime: Duration = .seconds(10)
  /// An answer that is this much later than its deadline costs an in-order stream its life: nothing behind it can be answered.
  public var overdueTime: Duration = .seconds(30)
  /// Streams that a peer may have open on one connection. What NIOHTTP2 keeps in any case; and so many calls can be given up together without
  /// ending the connection, since it takes more than 200 resets in 30 s for an attack.
  public var streams = 100
  /// Connections accepted at once; a peer of the deployed kind opens one for every call.
  public var connections = 4096
  /// PING frames per second that are answered on one connection; a Go peer sends one with every call (FACTS.md 0.1).
  public var pingsPerSecond = 20_000
  /// From the request to stop until everything is closed.
  public var stopTime: Duration = .seconds(2)
  /// What the calls on a connection that we close get to finish.
  public var closingTime: Duration = .seconds(1)
  /// A connection without calls is closed after this time; one that carries a `ServerCall` is never without.
  public var idleTime: Duration = .seconds(60)
  /// A server says GOAWAY after this time, as the deployed ones do (PROTOCOL.md 7.5), and closes after `ageGrace` more, also when it says so
  /// for idleness and whether the peer answers or not.
  public var connectionAge: Duration = .seconds(24 * 3600)
  public var ageGrace: Duration = .seconds(60)
  /// Towards a node that does not offer concurrency, a stream opened after an unclean end is opened once more after this time, because the
  /// late end of the old one unregisters the new one there (PROTOCOL.md 19, rule 7).
  public var reopenTime: Duration = .seconds(110)

  /// How soon TCP notices that the other end is gone without a word.
  public var probing = TCPProbing()

  public init() {}
}

/// When silence is answered with a PING (PROTOCOL.md 7.5).
public struct Keepalive: Hashable, Sendable {
  /// A PING is sent after this much silence. Peers cut clients off that ping more often than every 15 s.
  public var after: Duration
  /// Without an answer in this time the connection is closed; by a server `GRPCLimits.ageGrace` later, behind its farewell.
  public var timeout: Duration

  public init(after: Duration, timeout: Duration) {
    self.after = after
    self.timeout = timeout
  }

  /// What clients do: 30 s keeps NAT entries alive.
  public static let client = Keepalive(after: .seconds(30), timeout: .seconds(20))
  /// What servers do.
  public static let server = Keepalive(after: .seconds(60), timeout: .seconds(30))
}
