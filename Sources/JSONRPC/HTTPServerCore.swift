import NIOCore
import Trust

/// What the connections of one server share; immutable but for the registry.
struct HTTPServerCore: Sendable {
  let handler: HTTPServer.Handler
  let refuse: @Sendable (HTTPRefusal) -> HTTPResponse
  let limits: HTTPServerLimits
  let tls: TLSContextCache?
  let clientCheck: ClientCheck?
  let unixAccess: UnixAccess?
  let cors: CORSPolicy?
  let ownUID: UInt32
  let connections: ConnectionRegistry
  let report: ServerReport

  var clockLimits: RequestClock.Limits {
    RequestClock.Limits(
      head: limits.headTime.clockNanoseconds, body: limits.bodyTime.clockNanoseconds, stall: limits.stallTime.clockNanoseconds,
      idle: limits.idleTime.clockNanoseconds)
  }
}

extension Duration {
  /// Whole nanoseconds, cut off at about a century so that a time plus this fits.
  var clockNanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0 else { return 0 }
    return min(UInt64(seconds), 3_000_000_000) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
  }

  var timeAmount: TimeAmount { .nanoseconds(Int64(clockNanoseconds)) }
}
