/// A set of numbers below 65 536 that has room for all below 64, in one word, and for a few of the others, in a list. Whose room is all taken
/// has to look another way.
struct NumberSet {
  private var low: UInt64 = 0
  private var high = HighNumbers()

  /// Whether so many others came that not all of them are in it.
  var isOverfull: Bool { high.isOverfull }

  /// False when the number was there already, or when there is no room for it any more, which makes the set overfull.
  @inline(__always)
  mutating func insert(_ number: Int) -> Bool {
    guard number < 64 else { return high.insert(UInt16(truncatingIfNeeded: number)) }
    let bit: UInt64 = 1 << UInt64(number)
    defer { low |= bit }
    return low & bit == 0
  }
}

/// The numbers of a ``NumberSet`` that have no place in its word.
private struct HighNumbers {
  private static let capacity = 16

  private var list = InlineArray<16, UInt16>(repeating: 0)
  private var count = 0
  var isOverfull: Bool { count > Self.capacity }

  /// Few hellos have one, so it stays out of the way of the others.
  @inline(never)
  mutating func insert(_ number: UInt16) -> Bool {
    for place in 0..<min(count, Self.capacity) where list[place] == number { return false }
    if count < Self.capacity { list[count] = number }
    count = min(count + 1, Self.capacity + 1)
    return count <= Self.capacity
  }
}
