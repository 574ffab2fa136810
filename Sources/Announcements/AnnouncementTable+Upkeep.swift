public import FoundationEssentials

/// Starting from a store, and cleaning up.
extension AnnouncementTable {
  /// Takes over what was stored, at start. Everybody counts as connected until more is known.
  ///
  /// What the directory allows today is not asked here: it may not be loaded yet. See `removeAll(where:)`.
  /// - Returns: what was left out and can be forgotten: expired, no host name, or a name that is already held by somebody who
  ///   does not share it.
  public mutating func restore(_ stored: [Announcement], now: Date) -> [Announcement] {
    var leftOut: [Announcement] = []
    // Who came first has the last word, so the order matters.
    let ordered = stored.sorted { ($0.since ?? .distantPast) < ($1.since ?? .distantPast) }
    for announcement in ordered {
      let isUsable = (try? DomainName.normalizedPattern(announcement.domain)) == announcement.domain  // the reason is of no use here
      if isUsable, !AnnouncementRules.isExpired(announcement.expiresAt, now: now), fits(announcement) {
        put(announcement, heard: false, now: now)
      } else {
        leftOut.append(announcement)
      }
    }
    return leftOut
  }

  private func fits(_ announcement: Announcement) -> Bool {
    (holds[announcement.domain] ?? []).allSatisfy { other in
      if other.owner == announcement.owner { return other.instance != announcement.instance }
      return other.sharedWith.contains(announcement.owner) && announcement.sharedWith.contains(other.owner)
    }
  }

  /// Removes what is over and returns it, for the store: what has expired; what a private proxy left behind that has been away
  /// for `ownershipGrace` while another serves the name; and what nobody has asked for during `memory`. Looks at every name:
  /// meant for once a minute.
  public mutating func purgeExpired(now: Date) -> [Announcement] {
    var over: [String: [Party]] = [:]
    for (domain, present) in holds {
      let parties = present.filter { isOver($0, among: present, now: now) }.map(\.party)
      if !parties.isEmpty { over[domain] = parties }
    }
    return over.flatMap { domain, parties in take(domain) { parties.contains($0.party) } }.sortedByName()
  }

  private func isOver(_ hold: Hold, among present: [Hold], now: Date) -> Bool {
    if hold.isExpired(now) { return true }
    guard let away = presence.awaySince(hold.party, now: now) else { return false }
    let duration = now.timeIntervalSince(away)
    if duration >= limits.memory { return true }
    guard present.count > 1, duration >= limits.ownershipGrace else { return false }
    return present.contains { !$0.isExpired(now) && presence.awaySince($0.party, now: now) == nil }
  }

  /// The clock was set by so many seconds. Expiries are moments and stay; how long somebody has been away does not change.
  public mutating func clockJumped(by seconds: TimeInterval) { presence.clockJumped(by: seconds) }

  /// Removes what no longer has a right to be there, for example after a change of the directory, and returns it.
  public mutating func removeAll(where shouldRemove: (Announcement) -> Bool) -> [Announcement] {
    var removed: [Announcement] = []
    for domain in holds.keys { removed += take(domain) { shouldRemove($0.announcement(of: domain)) } }
    return removed.sortedByName()
  }
}
