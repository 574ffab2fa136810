/// Keeps trouble from flooding the log: one notice of a kind per interval, with the number of those it stands for. Pure.
struct NoticeLimiter {
  enum Kind {
    case descriptorsExhausted, acceptFailed
    case limitReached(RelayLimit)

    fileprivate static let count = 2 + RelayLimit.allCases.count

    fileprivate var index: Int {
      switch self {
      case .descriptorsExhausted: 0
      case .acceptFailed: 1
      case .limitReached(let limit): 2 + Int(limit.rawValue)
      }
    }
  }

  private struct Entry {
    var lastSent: UInt64?
    var swallowed: UInt64 = 0
  }

  private var entries = [Entry](repeating: Entry(), count: Kind.count)

  /// How many occurrences the notice to send now stands for; nil when none is to be sent.
  mutating func occurred(_ kind: Kind, now: UInt64, interval: UInt64) -> UInt64? {
    let index = kind.index
    entries[index].swallowed += 1
    if let last = entries[index].lastSent, now < last + interval { return nil }
    entries[index].lastSent = now
    defer { entries[index].swallowed = 0 }
    return entries[index].swallowed
  }
}
