public import Operations
public import Trust

/// What an HTTP server listens on, whom it lets in, and how much of everything it allows.
public struct HTTPServerConfiguration: Sendable {
  /// What stands in log lines and metric labels.
  public var name: String
  public var address: ListenAddress
  /// How connections are protected and who may open one.
  public var access: Access
  public var limits: HTTPServerLimits
  /// Nil leaves everything about origins out.
  public var cors: CORSPolicy?
  /// How many connections a source may open in each window; none applies to Unix sockets.
  public var rates: [ConnectionRate]

  public init(
    name: String, address: ListenAddress, access: Access, limits: HTTPServerLimits = HTTPServerLimits(), cors: CORSPolicy? = nil,
    rates: [ConnectionRate] = []
  ) {
    self.name = name
    self.address = address
    self.access = access
    self.limits = limits
    self.cors = cors
    self.rates = rates
  }

  /// How connections are protected and who may open one.
  public enum Access: Sendable {
    /// TLS with our certificate; whether clients need one, and which ones pass.
    /// Handshakes take the certificate and the roots that are in force when they begin.
    case tls(TrustSource, clients: ClientVerification, pins: Pins?)
    /// Plain HTTP. Only for Unix sockets (use ``unix(_:)``), and over TCP for servers that say nothing worth protecting.
    case plain
    /// Plain HTTP over a Unix socket, for processes of the given users.
    case unix(UnixAccess)
  }
}

/// Who may use a Unix socket (DESIGN.md 4).
public struct UnixAccess: Sendable, Hashable {
  /// Users besides our own whose processes are let in.
  public var allowedUIDs: Set<UInt32>
  /// The socket's permission bits; its folder is 0700 when we make it.
  public var mode: UInt32
  /// The group the socket is given to; nil leaves our own.
  public var group: String?

  public init(allowedUIDs: Set<UInt32> = [], mode: UInt32 = 0o600, group: String? = nil) {
    self.allowedUIDs = allowedUIDs
    self.mode = mode
    self.group = group
  }
}

/// The bounds of an HTTP server. Every one that is reached closes a connection or refuses a request, is counted, and logged (sampled).
public struct HTTPServerLimits: Sendable, Hashable {
  /// Connections at the same time, over all addresses of the server. HTTP/1.1 answers in order, so this also bounds requests in flight.
  public var connections = 512
  /// Bytes of a request's body. A directory entry with its records is some KiB; 4 MiB is what the gRPC side carries.
  public var body = 4 << 20
  /// Bytes of a request's head; Go and nginx allow as much or less by default.
  public var head = 64 << 10
  /// From the connection's begin (the TLS handshake included) to the end of the first request's head.
  public var headTime: Duration = .seconds(10)
  /// From a request's head to the end of its body.
  public var bodyTime: Duration = .seconds(30)
  /// The longest pause inside of a body, and the longest time a client may take to accept a piece of the answer.
  public var stallTime: Duration = .seconds(10)
  /// How long a connection without a request is kept; longer than clients keep theirs, so that they are the ones who close.
  public var idleTime: Duration = .seconds(120)
  /// How long it may take to send the farewell to an idle client when the server stops; it fits into any socket's buffer.
  public var farewellTime: Duration = .seconds(1)
  /// From the request to stop to the last connection's end; what is then still open is cut.
  public var stopTime: Duration = .seconds(2)

  public init() {}
}
