/// Where a call stands among the calls of one private proxy.
///
/// A call can be delayed on its way and carried out when whoever made it has given it up and made others since. What those have done is not
/// to be undone by it.
public struct CallOrder: Hashable, Sendable {
  /// Drawn by the private proxy when it starts.
  public var run: String
  /// Grows with every call of the run.
  public var number: Int64

  public init(run: String, number: Int64) {
    self.run = run
    self.number = number
  }
}

/// The last call of a private proxy that was carried out, and what there was before its run.
struct CallHistory: Sendable {
  private var last: CallOrder?
  private var formerRun: String?

  /// Whether a later call has been carried out already. Those of a run that is not known come after all others: it has just begun.
  func isOvertaken(_ order: CallOrder) -> Bool {
    guard let last else { return false }
    return order.run == last.run ? order.number <= last.number : order.run == formerRun
  }

  mutating func carriedOut(_ order: CallOrder) {
    if let last, last.run != order.run { formerRun = last.run }
    last = order
  }
}
