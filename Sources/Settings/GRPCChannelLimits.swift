/// A `limits` map of a `grpc_server` or `grpc_client`: the bounds of what passes between nodes. Every key is optional.
public struct GRPCChannelLimits: Hashable, Sendable {
  /// `max_connections`, 1…65536, default 4096: accepted at one time. A peer of the deployed kind opens one for every call. Servers only.
  public var maxConnections = 4096
  /// `handshake_timeout`, 0.1…300 seconds, default 10: from accepting a connection to the end of its TLS handshake. Servers only.
  public var handshakeTimeout: Duration = .seconds(10)
  /// `announcement_timeout`, 0.1…300 seconds, default 10: from opening a `ServerCall` to the peer's name. Servers only.
  public var announcementTimeout: Duration = .seconds(10)
  /// `max_queued_calls`, 1…65536, default 1024: requests that wait for one peer's stream. Servers only.
  public var maxQueuedCalls = 1024
  /// `connect_timeout`, 0.1…60 seconds, default 2: one attempt, from the first packet to the peer's first HTTP/2 frame. Clients only.
  public var connectTimeout: Duration = .seconds(2)
  /// `call_timeout`, 0.1…3600 seconds, default 30: a request from a peer, from its arrival to its answer.
  public var callTimeout: Duration = .seconds(30)
  /// `stream_calls`, 1…4096, default 64: requests that one `ServerCall` stream carries at one time, when both ends say so.
  public var streamCalls = 64
  /// `message_bytes`, 65536…16777216, default 4194304: a message either way. Existing nodes refuse more than the default.
  public var messageBytes = 4 << 20
  /// `pings_per_second`, 1…1000000, default 20000: on one connection. Go peers send one with every call.
  public var pingsPerSecond = 20_000
  /// `idle_timeout`, 1…86400 seconds, default 60: how long a connection without a call is kept; one with a `ServerCall` is never without.
  public var idleTimeout: Duration = .seconds(60)

  public init() {}
}

extension GRPCChannelLimits {
  enum End {
    case server, client
  }

  private static let timeout = 0.1...300.0

  init(_ section: Section, for end: End) {
    self.init()
    switch end {
    case .server:
      maxConnections = section.integer("max_connections", in: 1...65_536) ?? maxConnections
      handshakeTimeout = section.seconds("handshake_timeout", in: Self.timeout) ?? handshakeTimeout
      announcementTimeout = section.seconds("announcement_timeout", in: Self.timeout) ?? announcementTimeout
      maxQueuedCalls = section.integer("max_queued_calls", in: 1...65_536) ?? maxQueuedCalls
    case .client:
      connectTimeout = section.seconds("connect_timeout", in: 0.1...60) ?? connectTimeout
    }
    callTimeout = section.seconds("call_timeout", in: 0.1...3600) ?? callTimeout
    streamCalls = section.integer("stream_calls", in: 1...4096) ?? streamCalls
    messageBytes = section.integer("message_bytes", in: 65_536...16_777_216) ?? messageBytes
    pingsPerSecond = section.integer("pings_per_second", in: 1...1_000_000) ?? pingsPerSecond
    idleTimeout = section.seconds("idle_timeout", in: 1...86_400) ?? idleTimeout
    section.finish()
  }
}
