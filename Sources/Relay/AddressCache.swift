/// The resolver's last answers, for a moment: a private side dials the same two names for every client. One per loop.
struct AddressCache {
  /// 2 s: a change of address is noticed sooner than anybody would retry.
  static let lifetime: UInt64 = 2000
  /// Names that are kept; more are dropped all together, since so many cannot come from one configuration.
  static let limit = 256

  /// A target that streams can point to while they are being connected: its one address, and its name for messages.
  final class Sole: Sendable {
    let target: DialTarget
    let address: SocketAddress

    init(_ target: DialTarget, at address: SocketAddress) {
      self.target = target
      self.address = address
    }
  }

  private struct Entry {
    let addresses: [SocketAddress]
    let sole: Sole?
    let validUntil: UInt64
  }

  private var entries: [DialTarget: Entry] = [:]
  /// The last one that was asked for. Most loops dial the same address all the time.
  private var last: (sole: Sole, validUntil: UInt64)?

  func addresses(of target: DialTarget, now: UInt64) -> [SocketAddress]? {
    guard let entry = entries[target], now < entry.validUntil else { return nil }
    return entry.addresses
  }

  /// The target, if it has one address and can be connected to without a second thought; a Unix listener may be busy.
  mutating func sole(_ target: DialTarget, now: UInt64) -> Sole? {
    if let last, now < last.validUntil, last.sole.target == target { return last.sole }
    guard let entry = entries[target], now < entry.validUntil, let sole = entry.sole else { return nil }
    last = (sole, entry.validUntil)
    return sole
  }

  mutating func remember(_ addresses: [SocketAddress], of target: DialTarget, now: UInt64) {
    if entries.count >= Self.limit { entries.removeAll(keepingCapacity: true) }
    let sole = addresses.count == 1 && !addresses[0].isUnix ? Sole(target, at: addresses[0]) : nil
    entries[target] = Entry(addresses: addresses, sole: sole, validUntil: now + Self.lifetime)
  }
}
