public import HyperModel

/// One private side: an operator, and which of its private proxies.
public struct Party: Hashable, Sendable {
  public var owner: OperatorName
  /// Nil for a private proxy that does not say which it is.
  public var instance: InstanceID?

  public init(_ owner: OperatorName, instance: InstanceID? = nil) {
    self.owner = owner
    self.instance = instance
  }
}

extension Party: CustomStringConvertible {
  public var description: String { instance.map { "\(owner)/\($0)" } ?? owner.text }
}
