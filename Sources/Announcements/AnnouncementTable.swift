public import FoundationEssentials
public import HyperModel

/// Who is reached under which name: the public proxy's side of announcements (PROTOCOL.md 10.3).
///
/// A value without clock or storage: the present is an argument, and what has to be stored or forgotten is returned. A
/// name has one owner; its announcement holds against everybody else until it expires or is withdrawn, whether the owner
/// is connected or not.
///
/// The same holds for a wildcard like `*.example.org`, and for the names it covers: while it is held nobody else can begin
/// to announce one of them, unless the directory allows that operator exactly this name (`allowed_names`). A name that was
/// there before the wildcard stays with its owner, who can renew it. The name always goes before the wildcard.
public struct AnnouncementTable: Sendable {
  /// How many names one operator may hold by default: far more than anybody serves from one place, and few enough that
  /// one operator cannot fill our memory (about 300 bytes a name).
  public static let defaultMaximumPerOwner = 100_000

  private struct Holding: Sendable {
    var owner: OperatorName
    var expiresAt: Date?
  }

  private let maximumPerOwner: Int
  private var holdings: [String: Holding] = [:]
  /// Names per owner, those not yet purged included; owners without names are not in here.
  private var counts: [OperatorName: Int] = [:]
  /// How many of the names are wildcards: without any, a lookup does not have to make their text.
  private var wildcards = 0

  public init(maximumPerOwner: Int = Self.defaultMaximumPerOwner) {
    self.maximumPerOwner = maximumPerOwner
  }

  /// How many names are held, those that expired and are not yet purged included.
  public var count: Int { holdings.count }

  /// Announces names for an operator. Each item stands for itself: one refusal does not touch the others.
  ///
  /// - Parameters:
  ///   - allowed: the names the directory allows this operator.
  ///   - routes: what the settings have for themselves.
  /// - Returns: one outcome for each item, in order.
  public mutating func announce(
    _ requests: [AnnouncementRequest], by owner: OperatorName, allowed: AllowedDomains, routes: StaticRoutes = .none, now: Date
  ) -> [AnnouncementOutcome] {
    requests.map { request in
      do throws(AnnouncementRefusal) {
        return try announce(request, by: owner, allowed: allowed, routes: routes, now: now)
      } catch {
        return .refused(error)
      }
    }
  }

  private mutating func announce(
    _ request: AnnouncementRequest, by owner: OperatorName, allowed: AllowedDomains, routes: StaticRoutes, now: Date
  ) throws(AnnouncementRefusal) -> AnnouncementOutcome {
    let domain = try DomainName.normalizedPattern(request.domain)
    guard allowed.permits(domain) else { throw .notAllowed(domain: domain, allowed: allowed.entries) }
    guard !AnnouncementRules.isTooFar(request.expiresAt, now: now) else { throw .expiryTooFar(domain: domain) }
    guard !routes.names(domain) else { throw .staticRoute(domain: domain) }
    let held = holdings[domain]
    if let held, held.owner != owner, !AnnouncementRules.isExpired(held.expiresAt, now: now) {
      throw .heldByAnother(domain: domain, owner: held.owner)
    }
    // Whoever holds the name was there first, and must be able to renew it and to give it up.
    if held == nil || AnnouncementRules.isExpired(held?.expiresAt, now: now) {
      try checkUnclaimed(domain, by: owner, allowed: allowed, routes: routes, now: now)
    }
    let announcement = Announcement(domain: domain, owner: owner, expiresAt: request.expiresAt)
    let isOwn = held?.owner == owner
    if AnnouncementRules.isExpired(request.expiresAt, now: now) {
      guard isOwn else { return .unchanged }
      remove(domain)
      return .withdrawn(announcement)
    }
    if isOwn, held?.expiresAt == request.expiresAt { return .unchanged }
    guard isOwn || counts[owner, default: 0] < maximumPerOwner else { throw .tooMany(limit: maximumPerOwner) }
    insert(announcement)
    return isOwn ? .renewed(announcement) : .created(announcement)
  }

  /// Refuses a name below a wildcard of the settings or of another operator, unless the directory allows exactly this name.
  private func checkUnclaimed(
    _ domain: String, by owner: OperatorName, allowed: AllowedDomains, routes: StaticRoutes, now: Date
  ) throws(AnnouncementRefusal) {
    guard !allowed.names(domain) else { return }
    if let wildcard = routes.wildcard(covering: domain) { throw .underWildcard(domain: domain, wildcard: wildcard, owner: nil) }
    if let wildcard = wildcard(covering: domain, now: now), wildcard.owner != owner {
      throw .underWildcard(domain: domain, wildcard: wildcard.domain, owner: wildcard.owner)
    }
  }

  /// The announcement a server name belongs to: the one of the name, else the one of the wildcard that covers it; nil when
  /// nobody holds either now. Its cost does not depend on the number of names.
  ///
  /// - Parameter serverName: as the reader of hellos gives it; upper case does not matter.
  public func lookup(_ serverName: String, now: Date) -> Announcement? {
    let name = DomainName.folded(serverName)
    guard !NamePattern.isWildcard(name) else { return nil }
    return holding(of: name, now: now) ?? wildcard(covering: name, now: now)
  }

  var hasWildcards: Bool { wildcards > 0 }

  /// The announcement of exactly this name or wildcard, in lower case.
  func holding(of domain: String, now: Date) -> Announcement? {
    guard let held = holdings[domain], !AnnouncementRules.isExpired(held.expiresAt, now: now) else { return nil }
    return Announcement(domain: domain, owner: held.owner, expiresAt: held.expiresAt)
  }

  /// The announcement of the wildcard that covers a name in lower case.
  func wildcard(covering domain: String, now: Date) -> Announcement? {
    guard hasWildcards, let wildcard = NamePattern.wildcard(covering: domain) else { return nil }
    return holding(of: wildcard, now: now)
  }

  /// The names that hold now, by name: all of them, or one owner's.
  public func list(of owner: OperatorName? = nil, now: Date) -> [Announcement] {
    holdings.lazy
      .filter { _, held in (owner == nil || held.owner == owner) && !AnnouncementRules.isExpired(held.expiresAt, now: now) }
      .map { domain, held in Announcement(domain: domain, owner: held.owner, expiresAt: held.expiresAt) }
      .sorted { $0.domain < $1.domain }
  }

  /// Takes over what was stored, at start.
  ///
  /// What the directory allows today is not asked here: it may not be loaded yet. See `removeAll(where:)`.
  /// - Returns: what was left out and can be forgotten: expired, no host name, or a name that is already held.
  public mutating func restore(_ stored: [Announcement], now: Date) -> [Announcement] {
    var leftOut: [Announcement] = []
    for announcement in stored {
      let isUsable = (try? DomainName.normalizedPattern(announcement.domain)) == announcement.domain  // the reason is of no use here
      if isUsable, holdings[announcement.domain] == nil, !AnnouncementRules.isExpired(announcement.expiresAt, now: now) {
        insert(announcement)
      } else {
        leftOut.append(announcement)
      }
    }
    return leftOut
  }

  /// Removes what has expired and returns it, for the store. Looks at every name: meant for once a minute.
  public mutating func purgeExpired(now: Date) -> [Announcement] {
    removeAll { AnnouncementRules.isExpired($0.expiresAt, now: now) }
  }

  /// Removes what no longer has a right to be there, for example after a change of the directory, and returns it.
  public mutating func removeAll(where shouldRemove: (Announcement) -> Bool) -> [Announcement] {
    let removed = holdings.lazy
      .map { domain, held in Announcement(domain: domain, owner: held.owner, expiresAt: held.expiresAt) }
      .filter(shouldRemove)
      .sorted { $0.domain < $1.domain }
    for announcement in removed { remove(announcement.domain) }
    return removed
  }

  private mutating func insert(_ announcement: Announcement) {
    remove(announcement.domain)
    holdings[announcement.domain] = Holding(owner: announcement.owner, expiresAt: announcement.expiresAt)
    counts[announcement.owner, default: 0] += 1
    if NamePattern.isWildcard(announcement.domain) { wildcards += 1 }
  }

  private mutating func remove(_ domain: String) {
    guard let held = holdings.removeValue(forKey: domain) else { return }
    if NamePattern.isWildcard(domain) { wildcards -= 1 }
    let left = counts[held.owner, default: 0] - 1
    counts[held.owner] = left > 0 ? left : nil
  }
}
