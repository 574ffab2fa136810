/// The bounds of a JSON-RPC server above those of HTTP. Every one that is reached is answered with an error, counted, and logged (sampled).
public struct RPCLimits: Sendable, Hashable {
  /// Requests that are worked on at one time, over all connections. With 512 connections this leaves slow methods room and keeps a flood
  /// of batches from multiplying it.
  public var requests = 512
  /// Requests in one batch; 0 refuses every batch.
  public var batch = 100
  /// Requests of one batch that are worked on at one time, as far as `requests` leaves room for more than the first.
  public var batchConcurrency = 8
  /// Bytes of all answers to one batch: four times what a single body may have.
  public var batchAnswer = 16 << 20
  /// From a request's arrival to its answer, for a batch as a whole. Longer than every time limit inside (notices, dials), so that the inner
  /// one speaks first.
  public var callTime: Duration = .seconds(30)

  public init() {}
}
