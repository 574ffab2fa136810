/// A `limits` map of a `jsonrpc_server`: its bounds. Every key is optional.
public struct JSONRPCLimits: Hashable, Sendable {
  /// `max_connections`, 1…65536, default 512: at one time, over all addresses of the server.
  public var maxConnections = 512
  /// `head_bytes`, 1024…1048576, default 65536: the head of a request.
  public var headBytes = 64 << 10
  /// `body_bytes`, 1024…268435456, default 4194304: the body of a request, a batch as a whole.
  public var bodyBytes = 4 << 20
  /// `head_timeout`, 0.1…300 seconds, default 10: from the connection's begin, TLS included, to the end of the first head.
  public var headTimeout: Duration = .seconds(10)
  /// `body_timeout`, 0.1…3600 seconds, default 30: from the head to the end of the body.
  public var bodyTimeout: Duration = .seconds(30)
  /// `stall_timeout`, 0.1…300 seconds, default 10: the longest pause inside a body, or of a client that does not take its answer.
  public var stallTimeout: Duration = .seconds(10)
  /// `idle_timeout`, 1…86400 seconds, default 120: how long a connection without a request is kept.
  public var idleTimeout: Duration = .seconds(120)
  /// `call_timeout`, 0.1…3600 seconds, default 30: from a request's arrival to its answer, a batch as a whole.
  public var callTimeout: Duration = .seconds(30)
  /// `max_requests`, 1…65536, default 512: worked on at one time, over all connections.
  public var maxRequests = 512
  /// `max_batch`, 0…10000, default 100: requests in one batch. 0 refuses batches.
  public var maxBatch = 100
  /// `batch_concurrency`, 1…256, default 8: requests of one batch that are worked on at one time.
  public var batchConcurrency = 8
  /// `batch_answer_bytes`, 1024…268435456, default 16777216: all answers of one batch.
  public var batchAnswerBytes = 16 << 20

  public init() {}
}

extension JSONRPCLimits {
  private static let bytes: ClosedRange<Int64> = 1024...268_435_456
  private static let timeout = 0.1...300.0

  init(_ section: Section) {
    self.init()
    maxConnections = section.integer("max_connections", in: 1...65_536) ?? maxConnections
    headBytes = section.integer("head_bytes", in: 1024...1_048_576) ?? headBytes
    bodyBytes = section.integer("body_bytes", in: Self.bytes) ?? bodyBytes
    headTimeout = section.seconds("head_timeout", in: Self.timeout) ?? headTimeout
    bodyTimeout = section.seconds("body_timeout", in: 0.1...3600) ?? bodyTimeout
    stallTimeout = section.seconds("stall_timeout", in: Self.timeout) ?? stallTimeout
    idleTimeout = section.seconds("idle_timeout", in: 1...86_400) ?? idleTimeout
    callTimeout = section.seconds("call_timeout", in: 0.1...3600) ?? callTimeout
    maxRequests = section.integer("max_requests", in: 1...65_536) ?? maxRequests
    maxBatch = section.integer("max_batch", in: 0...10_000) ?? maxBatch
    batchConcurrency = section.integer("batch_concurrency", in: 1...256) ?? batchConcurrency
    batchAnswerBytes = section.integer("batch_answer_bytes", in: Self.bytes) ?? batchAnswerBytes
    section.finish()
  }
}
