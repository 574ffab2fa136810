public import FoundationEssentials
public import HyperModel

/// Who is reached under which name: the public proxy's side of announcements (PROTOCOL.md 10.3).
///
/// A value without clock or storage: the present is an argument, and what has to be stored or forgotten is returned. A
/// name has one owner; its announcement holds against everybody else until it expires or is withdrawn, whether the owner
/// is connected or not.
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

  public init(maximumPerOwner: Int = Self.defaultMaximumPerOwner) {
    self.maximumPerOwner = maximumPerOwner
  }

  /// How many names are held, those that expired and are not yet purged included.
  public var count: Int { holdings.count }

  /// Announces names for an operator. Each item stands for itself: one refusal does not touch the others.
  ///
  /// - Parameter allowed: the domains the directory allows this operator.
  /// - Returns: one outcome for each item, in order.
  public mutating func announce(
    _ requests: [AnnouncementRequest], by owner: OperatorName, allowed: AllowedDomains, now: Date
  ) -> [AnnouncementOutcome] {
    requests.map { request in
      do throws(AnnouncementRefusal) {
        return try announce(request, by: owner, allowed: allowed, now: now)
      } catch {
        return .refused(error)
      }
    }
  }

  private mutating func announce(
    _ request: AnnouncementRequest, by owner: OperatorName, allowed: AllowedDomains, now: Date
  ) throws(AnnouncementRefusal) -> AnnouncementOutcome {
    let domain = try DomainName.normalized(request.domain)
    guard allowed.permits(domain) else { throw .notAllowed(domain: domain, allowed: allowed.suffixes) }
    guard !AnnouncementRules.isTooFar(request.expiresAt, now: now) else { throw .expiryTooFar(domain: domain) }
    let held = holdings[domain]
    if let held, held.owner != owner, !AnnouncementRules.isExpired(held.expiresAt, now: now) {
      throw .heldByAnother(domain: domain, owner: held.owner)
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

  /// The announcement a server name belongs to; nil when nobody holds it now. Its cost does not depend on the number of
  /// names.
  ///
  /// - Parameter serverName: in lower case, as the reader of hellos gives it.
  public func lookup(_ serverName: String, now: Date) -> Announcement? {
    guard let held = holdings[serverName], !AnnouncementRules.isExpired(held.expiresAt, now: now) else { return nil }
    return Announcement(domain: serverName, owner: held.owner, expiresAt: held.expiresAt)
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
      let isUsable = (try? DomainName.normalized(announcement.domain)) == announcement.domain  // the reason is of no use here
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
  }

  private mutating func remove(_ domain: String) {
    guard let held = holdings.removeValue(forKey: domain) else { return }
    let left = counts[held.owner, default: 0] - 1
    counts[held.owner] = left > 0 ? left : nil
  }
}
