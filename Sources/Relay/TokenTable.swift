/// Which waiting client a token is for. One per loop, touched by its loop only.
///
/// Keyed by the first half of the token, whose look-up may take as long as it likes to: knowing half of a token is of no
/// use. The other half is compared in constant time.
struct TokenTable {
  /// The first 16 bytes of a token.
  struct Key: Hashable {
    let first: UInt64
    let second: UInt64

    init(_ token: Token) {
      first = token.words.0
      second = token.words.1
    }
  }

  private struct Entry {
    let third: UInt64
    let fourth: UInt64
    let slot: UInt32
  }

  private var entries: [Key: Entry] = [:]

  var count: Int { entries.count }

  /// False when a token with the same first half waits already: the new one is not entered.
  mutating func insert(_ token: Token, for slot: UInt32) -> Bool {
    let key = Key(token)
    guard entries[key] == nil else { return false }
    entries[key] = Entry(third: token.words.2, fourth: token.words.3, slot: slot)
    return true
  }

  /// The slot that waits for `token`, which is used up by that. A token that is wrong in its second half uses up nothing.
  mutating func take(_ token: Token) -> UInt32? {
    let key = Key(token)
    guard let entry = entries[key] else { return nil }
    guard (entry.third ^ token.words.2) | (entry.fourth ^ token.words.3) == 0 else { return nil }
    entries[key] = nil
    return entry.slot
  }

  /// Forgets a token whose client is gone.
  mutating func remove(_ key: Key) {
    entries[key] = nil
  }
}
