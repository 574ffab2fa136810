/// A histogram that is counted elsewhere, as a collected source reports it at a scrape.
public struct HistogramSample: Hashable, Sendable {
  public var name: String
  public var help: String
  public var labels: [String: String]
  /// Upper bounds, ascending, each included in its bucket.
  public var bounds: [Double]
  /// One per bound and one for everything above; not cumulative. What is missing counts as 0.
  public var counts: [UInt64]
  public var sum: Double

  public init(name: String, help: String, labels: [String: String] = [:], bounds: [Double], counts: [UInt64], sum: Double) {
    self.name = name
    self.help = help
    self.labels = labels
    self.bounds = bounds
    self.counts = counts
    self.sum = sum
  }
}
