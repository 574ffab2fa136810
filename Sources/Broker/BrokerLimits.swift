/// The broker's bounds.
public struct BrokerLimits: Hashable, Sendable {
  /// How many requests of one peer may be in flight. One more is answered with error 429.
  ///
  /// Far more than a busy public proxy has notices under way to one private proxy, and little memory: about 4 KB each.
  public var inFlightPerCaller: Int

  public init(inFlightPerCaller: Int = 4096) {
    self.inFlightPerCaller = inFlightPerCaller
  }
}
