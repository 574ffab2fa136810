/// Where a call stands among the calls of one private proxy.
///
/// A call can be delayed on its way and carried out when whoever made it has given it up and made others since. What those have done is not
/// to be undone by it.
public struct CallOrder: Hashable, Sendable {
  /// Longer names of a run would cost memory for nothing.
  public static let longestRun = 64

  /// Drawn by the private proxy when it starts.
  public var run: String
  /// Grows with every call of the run.
  public var number: Int64

  /// - Returns: nil for a run of no bytes or more than 64.
  public init?(run: String, number: Int64) {
    guard (1...Self.longestRun).contains(run.utf8.count) else { return nil }
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

/// A part of all names, by their order: from one up to another.
public struct NameRange: Hashable, Sendable {
  /// The first name; nil: from the beginning.
  public var from: String?
  /// The first name that is not in it; nil: to the end.
  public var below: String?

  public static let whole = NameRange()

  public init(from: String? = nil, below: String? = nil) {
    self.from = from
    self.below = below
  }

  public func contains(_ name: String) -> Bool { from.map { $0 <= name } ?? true && below.map { name < $0 } ?? true }
}
