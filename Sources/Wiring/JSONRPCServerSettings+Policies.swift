import JSONRPC
public import Operations
public import Settings

extension CORSPolicy {
  init(_ settings: CORSSettings) {
    self.init(
      allowedOrigins: settings.allowedHosts, allowedHeaders: settings.allowedHeaders, allowedMethods: settings.allowedMethods,
      allowsCredentials: settings.allowCredentials)
  }
}

extension ConnectionRate {
  /// From an item of `tcp_rate_limits`.
  public init(_ settings: RateLimit) {
    let window: Window =
      switch settings.window {
      case .second: .second
      case .minute: .minute
      case .hour: .hour
      }
    self.init(window: window, limit: settings.limit)
  }
}
