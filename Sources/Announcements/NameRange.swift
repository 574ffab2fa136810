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
