import GRPCCore

/// The deadline that a client may send along (gRPC over HTTP/2: `TimeoutValue TimeoutUnit`).
enum GRPCTimeout {
  private static let digits = 8

  /// Nil when there is none, or none that is well formed.
  static func duration(in metadata: Metadata) -> Duration? {
    for text in metadata[stringValues: "grpc-timeout"] { return parse(text) }
    return nil
  }

  static func parse(_ text: String) -> Duration? {
    guard let unit = text.last, text.count - 1 <= digits, let value = Int64(text.dropLast()), value >= 0 else { return nil }
    switch unit {
    case "H": return .seconds(value * 3600)
    case "M": return .seconds(value * 60)
    case "S": return .seconds(value)
    case "m": return .milliseconds(value)
    case "u": return .microseconds(value)
    case "n": return .nanoseconds(value)
    default: return nil
    }
  }
}
