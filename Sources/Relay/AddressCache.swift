/// The resolver's last answers, for a moment: a private side dials the same two names for every client. One per loop.
struct AddressCache {
  /// 2 s: a change of address is noticed sooner than anybody would retry.
  static let lifetime: UInt64 = 2000
  /// Names that are kept; more are dropped all together, since so many cannot come from one configuration.
  static let limit = 256

  private struct Entry {
    let addresses: [SocketAddress]
    let validUntil: UInt64
  }

  private var entries: [DialTarget: Entry] = [:]

  func addresses(of target: DialTarget, now: UInt64) -> [SocketAddress]? {
    guard let entry = entries[target], now < entry.validUntil else { return nil }
    return entry.addresses
  }

  mutating func remember(_ addresses: [SocketAddress], of target: DialTarget, now: UInt64) {
    if entries.count >= Self.limit { entries.removeAll(keepingCapacity: true) }
    entries[target] = Entry(addresses: addresses, validUntil: now + Self.lifetime)
  }
}
