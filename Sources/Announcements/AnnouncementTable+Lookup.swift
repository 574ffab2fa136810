public import FoundationEssentials
public import HyperModel

/// Looking up and listing.
extension AnnouncementTable {
  /// The announcement a server name belongs to: of the name, else of the wildcard that covers it; nil when nobody holds either
  /// now. Of several the first whose party is connected, else the first. Its cost does not depend on the number of names.
  ///
  /// - Parameter serverName: as the reader of hellos gives it; upper case does not matter.
  public func lookup(_ serverName: String, now: Date) -> Announcement? {
    let name = DomainName.folded(serverName)
    guard !NamePattern.isWildcard(name) else { return nil }
    return holding(of: name, now: now) ?? wildcard(covering: name, now: now)
  }

  /// Who can be asked to take a client of this name or wildcard, as it was announced: the connected, in the order in which they
  /// came; when none is connected all that hold it, since what is known about that may be old. Never those that have said
  /// themselves that they stop, or that their server is down.
  public func candidates(for domain: String, now: Date) -> [Announcement] {
    let present = (holds[domain] ?? []).filter { !$0.isExpired(now) && !$0.isOffline && !presence.hasStopped($0.party) }
    let connected = present.filter { presence.awaySince($0.party, now: now) == nil }
    return (connected.isEmpty ? present : connected).map { $0.announcement(of: domain) }
  }

  /// The announcement of exactly this name or wildcard, in lower case.
  func holding(of domain: String, now: Date) -> Announcement? {
    guard let present = holds[domain] else { return nil }
    // Nearly always there is only one, and then it does not matter whether it is connected.
    if present.count == 1 { return present[0].isExpired(now) ? nil : present[0].announcement(of: domain) }
    return candidates(for: domain, now: now).first
      ?? present.first { !$0.isExpired(now) }?.announcement(of: domain)
  }

  /// The announcement of the wildcard that covers a name in lower case.
  func wildcard(covering domain: String, now: Date) -> Announcement? {
    guard hasWildcards, let wildcard = NamePattern.wildcard(covering: domain) else { return nil }
    return holding(of: wildcard, now: now)
  }

  /// The announcements that hold now, by name and then by who came first: all of them, or one owner's.
  public func list(of owner: OperatorName? = nil, now: Date) -> [Announcement] {
    var list: [Announcement] = []
    for (domain, present) in holds {
      for hold in present where (owner == nil || hold.owner == owner) && !hold.isExpired(now) {
        list.append(hold.announcement(of: domain))
      }
    }
    return list.sortedByName()
  }

  /// As `list`, with what is known about the private proxies.
  public func statuses(of owner: OperatorName? = nil, now: Date) -> [AnnouncementStatus] {
    list(of: owner, now: now).map { announcement in
      let hold = holds[announcement.domain]?.first { $0.party == announcement.party }
      return AnnouncementStatus(
        announcement: announcement, lastSeen: presence.lastSeen(announcement.party),
        isConnected: presence.awaySince(announcement.party, now: now) == nil, isOffline: hold?.isOffline ?? false)
    }
  }
}

extension [Announcement] {
  /// By name; those of one name stay in the order in which they are.
  func sortedByName() -> [Announcement] {
    // The library's sort keeps the order of equals.
    sorted { $0.domain < $1.domain }
  }
}
