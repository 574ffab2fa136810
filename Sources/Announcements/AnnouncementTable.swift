import FoundationEssentials
import HyperModel

/// Who is reached under which name: the public proxy's side of announcements (PROTOCOL.md 10.3).
///
/// A value without clock or storage: the present is an argument, and what has to be stored or forgotten is returned. A
/// name belongs to one operator from the announcement until it expires, is withdrawn, or its last private proxy has been away
/// for `ownershipGrace`; after that whoever is allowed to may take it over. Until somebody does, it stays where it is, so that
/// its clients are told that the private side is away and reach nobody else.
///
/// Several private proxies of the operator can hold the name side by side, each with an announcement of its own, and so can
/// other operators where each names all the others (`shared_with`).
///
/// The same holds for a wildcard like `*.example.org`, and for the names it covers: while it is held nobody else can begin
/// to announce one of them, unless the directory allows that operator exactly this name (`allowed_names`). A name that was
/// there before the wildcard stays with its owner, who can renew it. The name always goes before the wildcard.
public struct AnnouncementTable: Sendable {
  struct Hold: Sendable {
    var owner: OperatorName
    var instance: InstanceID?
    var expiresAt: Date?
    var since: Date?
    var sharedWith: Set<OperatorName>
    /// The party has said that its server is down. Not stored: it says so again.
    var isOffline = false

    var party: Party { Party(owner, instance: instance) }

    func isExpired(_ now: Date) -> Bool { AnnouncementRules.isExpired(expiresAt, now: now) }

    func announcement(of domain: String) -> Announcement {
      Announcement(domain: domain, owner: owner, instance: instance, expiresAt: expiresAt, since: since, sharedWith: sharedWith)
    }
  }

  public let limits: AnnouncementLimits
  /// In the order in which the parties came. Names without any are not in here.
  private(set) var holds: [String: [Hold]] = [:]
  var presence: Presence
  /// How many announcements there are.
  public private(set) var count = 0
  /// How many of them are of wildcards: without any, a lookup does not have to make their text.
  private var wildcards = 0

  public init(limits: AnnouncementLimits = AnnouncementLimits()) {
    self.limits = limits
    presence = Presence(silence: limits.silence, unheardSilence: limits.unheardSilence)
  }

  public init(maximumPerOwner: Int) {
    var limits = AnnouncementLimits()
    limits.perOwner = maximumPerOwner
    self.init(limits: limits)
  }

  /// How many names are held, those that expired and are not yet purged included.
  public var nameCount: Int { holds.count }

  var hasWildcards: Bool { wildcards > 0 }

  // MARK: Steps of the others

  /// Whether an announcement keeps others from the name: not expired, and its party connected or not away for long.
  func isOwned(_ hold: Hold, now: Date) -> Bool {
    guard !hold.isExpired(now) else { return false }
    guard let away = presence.awaySince(hold.party, now: now) else { return true }
    return now.timeIntervalSince(away) < limits.ownershipGrace
  }

  /// Puts an announcement behind the others of its name, or in the place of the one of the same party.
  mutating func put(_ announcement: Announcement, isOffline: Bool = false, heard: Bool, now: Date) {
    let hold = Hold(
      owner: announcement.owner, instance: announcement.instance, expiresAt: announcement.expiresAt, since: announcement.since,
      sharedWith: announcement.sharedWith, isOffline: isOffline)
    if let index = holds[announcement.domain]?.firstIndex(where: { $0.party == hold.party }) {
      holds[announcement.domain]?[index] = hold
      return
    }
    holds[announcement.domain, default: []].append(hold)
    presence.addHold(of: hold.party, heard: heard, now: now)
    count += 1
    if NamePattern.isWildcard(announcement.domain) { wildcards += 1 }
  }

  /// Takes out the announcements of a name that match.
  mutating func take(_ domain: String, where matches: (Hold) -> Bool) -> [Announcement] {
    guard let present = holds[domain] else { return [] }
    let removed = present.filter(matches)
    guard !removed.isEmpty else { return [] }
    holds[domain] = removed.count == present.count ? nil : present.filter { !matches($0) }
    for hold in removed { presence.removeHold(of: hold.party) }
    count -= removed.count
    if NamePattern.isWildcard(domain) { wildcards -= removed.count }
    return removed.map { $0.announcement(of: domain) }
  }
}
