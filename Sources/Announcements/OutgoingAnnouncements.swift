public import FoundationEssentials
public import HyperModel

/// What a private proxy announces, and to whom: its side of announcements (PROTOCOL.md 10.2).
///
/// A value without clock or storage. Keyed by name and public proxy, so that one name can be announced to several. Static
/// ones come from the settings and are never stored; dynamic ones come by RPC. Where both exist the settings have the
/// last word.
public struct OutgoingAnnouncements: Sendable {
  /// How many names may be announced by default: `announceConnections` carries all of them in one call, which must stay
  /// below the 4 MiB of a message on the network (PROTOCOL.md 19).
  public static let defaultMaximum = 20_000

  private struct Key: Hashable, Sendable {
    var domain: String
    var proxy: OperatorName
  }

  private struct Entry: Sendable {
    var announcement: OutgoingAnnouncement
    var isStatic: Bool
  }

  private let ownName: OperatorName
  private let maximum: Int
  private var entries: [Key: Entry] = [:]

  /// - Parameter ownName: the private proxy's own operator name, to which nothing can be announced.
  public init(ownName: OperatorName, maximum: Int = Self.defaultMaximum) {
    self.ownName = ownName
    self.maximum = maximum
  }

  /// Adds, renews or withdraws a dynamic announcement.
  ///
  /// - Parameter allowed: the domains the directory allows the caller.
  public mutating func announce(_ request: OutgoingAnnouncement, allowed: AllowedDomains, now: Date) -> OutgoingOutcome {
    do throws(AnnouncementRefusal) {
      let announcement = try checked(request, now: now)
      guard allowed.permits(announcement.domain) else {
        throw .notAllowed(domain: announcement.domain, allowed: allowed.entries)
      }
      return try put(announcement, now: now)
    } catch {
      return .refused(error)
    }
  }

  private mutating func put(_ announcement: OutgoingAnnouncement, now: Date) throws(AnnouncementRefusal) -> OutgoingOutcome {
    let key = Key(domain: announcement.domain, proxy: announcement.proxy)
    let present = entries[key]
    if let present, present.isStatic, !AnnouncementRules.isExpired(present.announcement.expiresAt, now: now) { return .unchanged }
    if AnnouncementRules.isExpired(announcement.expiresAt, now: now) {
      return entries.removeValue(forKey: key) == nil ? .unchanged : .withdrawn(announcement)
    }
    if present?.announcement == announcement, present?.isStatic == false { return .unchanged }
    guard present != nil || entries.count < maximum else { throw .tooMany(limit: maximum) }
    entries[key] = Entry(announcement: announcement, isStatic: false)
    return present == nil ? .created(announcement) : .renewed(announcement)
  }

  /// Gives a dynamic announcement up.
  ///
  /// - Parameter allowed: the domains the directory allows the caller.
  public mutating func withdraw(_ domain: String, at proxy: OperatorName, allowed: AllowedDomains) -> OutgoingOutcome {
    do throws(AnnouncementRefusal) {
      let domain = try DomainName.normalizedPattern(domain)
      guard allowed.permits(domain) else { throw .notAllowed(domain: domain, allowed: allowed.entries) }
      let key = Key(domain: domain, proxy: proxy)
      guard let entry = entries[key] else { return .unchanged }
      guard !entry.isStatic else { throw .inSettings(domain: domain) }
      entries[key] = nil
      return .withdrawn(entry.announcement)
    } catch {
      return .refused(error)
    }
  }

  /// Puts the announcements of the settings in the place of the former static ones, at start and after a reload.
  ///
  /// - Returns: those that were not accepted, with the reason; the settings' author needs no permission of the directory
  ///   here, the public proxy will check it.
  public mutating func replaceStatic(
    _ announcements: [OutgoingAnnouncement], now: Date
  ) -> [(announcement: OutgoingAnnouncement, refusal: AnnouncementRefusal)] {
    entries = entries.filter { !$0.value.isStatic }
    var refused: [(announcement: OutgoingAnnouncement, refusal: AnnouncementRefusal)] = []
    for announcement in announcements {
      do throws(AnnouncementRefusal) {
        let announcement = try checked(announcement, now: now)
        let key = Key(domain: announcement.domain, proxy: announcement.proxy)
        guard entries[key] != nil || entries.count < maximum else { throw .tooMany(limit: maximum) }
        entries[key] = Entry(announcement: announcement, isStatic: true)
      } catch {
        refused.append((announcement, error))
      }
    }
    return refused
  }

  private func checked(_ announcement: OutgoingAnnouncement, now: Date) throws(AnnouncementRefusal) -> OutgoingAnnouncement {
    let checked = try named(announcement)
    guard !AnnouncementRules.isTooFar(announcement.expiresAt, now: now) else { throw .expiryTooFar(domain: checked.domain) }
    return checked
  }

  private func named(_ announcement: OutgoingAnnouncement) throws(AnnouncementRefusal) -> OutgoingAnnouncement {
    guard announcement.proxy != ownName else { throw .ownProxy(ownName) }
    var named = announcement
    named.domain = try DomainName.normalizedPattern(announcement.domain)
    return named
  }

  /// Takes over what was stored, at start.
  ///
  /// - Returns: what was left out and can be forgotten: expired, no host name, or announced by the settings.
  public mutating func restore(_ stored: [OutgoingAnnouncement], now: Date) -> [OutgoingAnnouncement] {
    var leftOut: [OutgoingAnnouncement] = []
    for announcement in stored {
      let key = Key(domain: announcement.domain, proxy: announcement.proxy)
      // Why not is of no use here. Too far ahead was its expiry not: a clock that is behind is no reason to forget it.
      let isUsable = (try? named(announcement)) == announcement
      if isUsable, entries[key] == nil, !AnnouncementRules.isExpired(announcement.expiresAt, now: now) {
        entries[key] = Entry(announcement: announcement, isStatic: false)
      } else {
        leftOut.append(announcement)
      }
    }
    return leftOut
  }

  /// The announcement on whose strength a public proxy may ask for a connection (`incomingConnection`, PROTOCOL.md 10.2).
  /// The one of the name goes before the one of the wildcard that covers it, as it does at the public proxy.
  public func matches(domain: String, proxy: OperatorName, now: Date) -> OutgoingAnnouncement? {
    let name = DomainName.folded(domain)
    guard !NamePattern.isWildcard(name) else { return nil }
    return announcement(of: name, at: proxy, now: now)
      ?? NamePattern.wildcard(covering: name).flatMap { announcement(of: $0, at: proxy, now: now) }
  }

  /// The announcement of exactly this name or wildcard.
  public func held(_ domain: String, at proxy: OperatorName, now: Date) -> OutgoingAnnouncement? {
    announcement(of: DomainName.folded(domain), at: proxy, now: now)
  }

  private func announcement(of domain: String, at proxy: OperatorName, now: Date) -> OutgoingAnnouncement? {
    let entry = entries[Key(domain: domain, proxy: proxy)]
    guard let entry, !AnnouncementRules.isExpired(entry.announcement.expiresAt, now: now) else { return nil }
    return entry.announcement
  }

  /// What holds now, by name and then by proxy.
  public func list(now: Date) -> [OutgoingAnnouncement] {
    entries.values.lazy
      .map(\.announcement)
      .filter { !AnnouncementRules.isExpired($0.expiresAt, now: now) }
      .sorted { ($0.domain, $0.proxy) < ($1.domain, $1.proxy) }
  }

  /// What holds now for each public proxy, by name: one `announceConnections` call each.
  public func groupedByProxy(now: Date) -> [OperatorName: [OutgoingAnnouncement]] {
    Dictionary(grouping: list(now: now), by: \.proxy)
  }

  /// The static ones among what holds now: all of them accepted means the private proxy is ready.
  public func staticAnnouncements(now: Date) -> [OutgoingAnnouncement] {
    entries.values.lazy
      .filter { $0.isStatic && !AnnouncementRules.isExpired($0.announcement.expiresAt, now: now) }
      .map(\.announcement)
      .sorted { ($0.domain, $0.proxy) < ($1.domain, $1.proxy) }
  }

  /// Removes the dynamic ones that have expired and returns them, for the store.
  public mutating func purgeExpired(now: Date) -> [OutgoingAnnouncement] {
    let expired = entries.filter { !$0.value.isStatic && AnnouncementRules.isExpired($0.value.announcement.expiresAt, now: now) }
    for key in expired.keys { entries[key] = nil }
    return expired.values.map(\.announcement).sorted { ($0.domain, $0.proxy) < ($1.domain, $1.proxy) }
  }
}
