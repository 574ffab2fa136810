/// A `limits` map of a `grpc_server` or `grpc_client`: the bounds of what passes between nodes. Every key is optional; nil is
/// the channel's own default (HyperGRPC, `GRPCLimits`).
public struct GRPCChannelLimits: Hashable, Sendable {
  /// `max_connections`, 1…65536: accepted at one time. A peer of the deployed kind opens one for every call. Servers only.
  public var maxConnections: Int?
  /// `handshake_timeout`, 0.1…300 seconds: from accepting a connection to the end of its TLS handshake. Servers only.
  public var handshakeTimeout: Duration?
  /// `announcement_timeout`, 0.1…300 seconds: from opening a `ServerCall` to the peer's name. Servers only.
  public var announcementTimeout: Duration?
  /// `max_queued_calls`, 1…65536: requests that wait for one peer's stream. Servers only.
  public var maxQueuedCalls: Int?
  /// `connect_timeout`, 0.1…60 seconds: one attempt, from the first packet to the peer's first HTTP/2 frame. Clients only.
  public var connectTimeout: Duration?
  /// `call_timeout`, 0.1…3600 seconds: a request from a peer, from its arrival to its answer.
  public var callTimeout: Duration?
  /// `stream_calls`, 1…4096: requests that one `ServerCall` stream carries at one time, when both ends say so.
  public var streamCalls: Int?
  /// `message_bytes`, 65536…16777216: a message either way. Existing nodes refuse more than the default.
  public var messageBytes: Int?
  /// `pings_per_second`, 1…1000000: on one connection. Go peers send one with every call.
  public var pingsPerSecond: Int?
  /// `idle_timeout`, 1…86400 seconds: how long a connection without a call is kept; one with a `ServerCall` is never without.
  public var idleTimeout: Duration?

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
      maxConnections = section.integer("max_connections", in: 1...65_536)
      handshakeTimeout = section.seconds("handshake_timeout", in: Self.timeout)
      announcementTimeout = section.seconds("announcement_timeout", in: Self.timeout)
      maxQueuedCalls = section.integer("max_queued_calls", in: 1...65_536)
    case .client:
      connectTimeout = section.seconds("connect_timeout", in: 0.1...60)
    }
    callTimeout = section.seconds("call_timeout", in: 0.1...3600)
    streamCalls = section.integer("stream_calls", in: 1...4096)
    messageBytes = section.integer("message_bytes", in: 65_536...16_777_216)
    pingsPerSecond = section.integer("pings_per_second", in: 1...1_000_000)
    idleTimeout = section.seconds("idle_timeout", in: 1...86_400)
    section.finish()
  }
}
