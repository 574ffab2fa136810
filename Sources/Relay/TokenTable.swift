/// Which waiting client a token is for. One per loop, touched by its loop only.
///
/// A client can have several tokens, one for each private side that was asked to come; the first that is presented takes the client and
/// uses up all of them. They are chained: the client knows the last one, each entry the one before it.
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
    let previous: Key?
  }

  private var entries: [Key: Entry] = [:]

  var count: Int { entries.count }

  /// False when a token with the same first half waits already: the new one is not entered.
  ///
  /// - Parameter previous: the last token of the same slot, if it has any.
  mutating func insert(_ token: Token, for slot: UInt32, after previous: Key? = nil) -> Bool {
    let key = Key(token)
    guard entries[key] == nil else { return false }
    entries[key] = Entry(third: token.words.2, fourth: token.words.3, slot: slot, previous: previous)
    return true
  }

  /// The slot that waits for `token`. Uses up nothing: whoever takes the client removes its tokens.
  func slot(waitingFor token: Token) -> UInt32? {
    guard let entry = entries[Key(token)] else { return nil }
    guard (entry.third ^ token.words.2) | (entry.fourth ^ token.words.3) == 0 else { return nil }
    return entry.slot
  }

  /// Forgets all tokens of a slot, given its last one: the client was taken or is gone.
  mutating func removeAll(endingWith last: Key) {
    var next: Key? = last
    while let key = next { next = entries.removeValue(forKey: key)?.previous }
  }
}
