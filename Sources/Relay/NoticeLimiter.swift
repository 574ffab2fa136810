/// Keeps trouble from flooding the log: one notice of a kind per interval, with the number of those it stands for. Pure.
struct NoticeLimiter {
  enum Kind: Hashable { case descriptorsExhausted, tooManyStreams, acceptFailed }

  private struct Entry {
    var lastSent: UInt64?
    var swallowed: UInt64 = 0
  }

  private var entries: [Kind: Entry] = [:]

  /// How many occurrences the notice to send now stands for; nil when none is to be sent.
  mutating func occurred(_ kind: Kind, now: UInt64, interval: UInt64) -> UInt64? {
    var entry = entries[kind] ?? Entry()
    defer { entries[kind] = entry }
    entry.swallowed += 1
    if let last = entry.lastSent, now < last + interval { return nil }
    entry.lastSent = now
    defer { entry.swallowed = 0 }
    return entry.swallowed
  }
}
