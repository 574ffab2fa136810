/// One value of a metric that is counted elsewhere, as a collected source reports it at a scrape.
public struct Sample: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    case counter, gauge
  }

  public var name: String
  public var help: String
  public var kind: Kind
  public var labels: [String: String]
  public var value: Double

  public init(name: String, help: String, kind: Kind, labels: [String: String] = [:], value: Double) {
    self.name = name
    self.help = help
    self.kind = kind
    self.labels = labels
    self.value = value
  }
}
