import NIOCore

/// How long accepting rests each time. Pure.
///
/// Short at first, because descriptors are often free again at once: those who wait in the kernel's queue may have gone long ago,
/// and each of them takes one until that has been noticed. Twice as long each time that nothing came of it, so as not to spin.
struct AcceptRests {
  static let shortest = TimeAmount.milliseconds(10)
  /// Short enough not to be felt.
  static let longest = TimeAmount.milliseconds(100)

  private var upcoming = AcceptRests.shortest

  mutating func next() -> TimeAmount {
    defer { upcoming = min(upcoming * 2, Self.longest) }
    return upcoming
  }

  /// A connection was accepted.
  mutating func accepted() { upcoming = Self.shortest }
}
