/// The `metrics` map: where Prometheus text is served. Without it there is no such listener.
public struct MetricsSettings: Hashable, Sendable {
  /// `bind_address`: `host:port` or `unix:PATH`. Plain HTTP, no authentication: keep it local.
  public var bindAddress: BindAddress

  public init(bindAddress: BindAddress) {
    self.bindAddress = bindAddress
  }
}

extension MetricsSettings {
  /// Nil when the map names no address.
  init?(_ section: Section) {
    let address = section.optional("bind_address", BindAddress.init(parsing:))
    section.finish()
    guard let address else { return nil }
    self.init(bindAddress: address)
  }
}
