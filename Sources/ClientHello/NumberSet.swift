/// A set of numbers below 65 536: no duplicate is missed, and no list of them costs more than its length. The numbers that
/// everybody uses stand in one word, the first few of the others in a list, and only who sends more pays for a bit each.
struct NumberSet: ~Copyable {
  private var low: UInt64 = 0
  private var high = HighNumbers()

  /// False when the number was there already.
  @inline(__always)
  mutating func insert(_ number: Int) -> Bool {
    guard number < 64 else { return high.insert(UInt16(number)) }
    let bit: UInt64 = 1 << UInt64(number)
    defer { low |= bit }
    return low & bit == 0
  }
}

/// The numbers of a ``NumberSet`` that have no place in its word.
private struct HighNumbers: ~Copyable {
  private static let listed = 16

  private var list = InlineArray<16, UInt16>(repeating: 0)
  private var listCount = 0
  /// Nil while the list is enough.
  private var words: [UInt64]?

  /// False when the number was there already. Few hellos have one, so it stays out of the way of the others.
  @inline(never)
  mutating func insert(_ number: UInt16) -> Bool {
    if words == nil {
      for place in 0..<listCount where list[place] == number { return false }
      if listCount < Self.listed {
        list[listCount] = number
        listCount += 1
        return true
      }
      var all = [UInt64](repeating: 0, count: 1 << 10)
      for place in 0..<listCount { all[Int(list[place] >> 6)] |= 1 << UInt64(list[place] & 63) }
      words = all
    }
    let bit: UInt64 = 1 << UInt64(number & 63)
    let word = words?[Int(number >> 6)] ?? 0
    words?[Int(number >> 6)] = word | bit
    return word & bit == 0
  }
}
