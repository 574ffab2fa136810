/// A set of small numbers: no duplicate is missed, and no list of them costs more than its length. The numbers that
/// everybody uses stand in one word, the first few of the others in a list, and only who sends more pays for a bit each.
struct NumberSet {
  private static let listed = 16

  private let limit: Int
  private var low: UInt64 = 0
  private var list = InlineArray<16, UInt16>(repeating: 0)
  private var listCount = 0
  private var words: [UInt64] = []

  /// - Parameter limit: above every number, at most 65 536.
  init(limit: Int) {
    self.limit = limit
  }

  /// False when the number was there already.
  mutating func insert(_ number: Int) -> Bool {
    if number < 64 {
      let bit: UInt64 = 1 << UInt64(number)
      defer { low |= bit }
      return low & bit == 0
    }
    if words.isEmpty {
      for place in 0..<listCount where list[place] == UInt16(number) { return false }
      if listCount < Self.listed {
        list[listCount] = UInt16(number)
        listCount += 1
        return true
      }
      words = Array(repeating: 0, count: (limit + 63) / 64)
      for place in 0..<listCount { words[Int(list[place]) >> 6] |= 1 << UInt64(list[place] & 63) }
    }
    let bit: UInt64 = 1 << UInt64(number & 63)
    defer { words[number >> 6] |= bit }
    return words[number >> 6] & bit == 0
  }
}
