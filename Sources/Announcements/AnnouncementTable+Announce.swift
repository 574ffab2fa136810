public import FoundationEssentials
public import HyperModel

/// Announcing.
extension AnnouncementTable {
  /// Announces names for a private proxy of an operator. Each item stands for itself: one refusal does not touch the others.
  ///
  /// - Parameters:
  ///   - instance: which of the operator's private proxies speaks; nil when it does not say.
  ///   - node: the node through which it speaks; nil when that does not say which it is.
  ///   - interval: how often it repeats itself; nil when it does not say.
  ///   - allowed: the names the directory allows this operator.
  ///   - routes: what the settings have for themselves.
  public mutating func announce(
    _ requests: [AnnouncementRequest], by owner: OperatorName, instance: InstanceID? = nil, node: String? = nil,
    every interval: TimeInterval? = nil, allowed: AllowedDomains, routes: StaticRoutes = .none, now: Date
  ) -> AnnouncementReport {
    var report = AnnouncementReport()
    let party = Party(owner, instance: instance)
    for request in requests {
      do throws(AnnouncementRefusal) {
        let outcome = try announce(request, by: party, allowed: allowed, routes: routes, now: now, displaced: &report.displaced)
        report.outcomes.append(outcome)
      } catch {
        report.outcomes.append(.refused(error))
      }
    }
    presence.heard(party, through: node, every: interval, now: now)
    return report
  }

  private mutating func announce(
    _ request: AnnouncementRequest, by party: Party, allowed: AllowedDomains, routes: StaticRoutes, now: Date,
    displaced: inout [Announcement]
  ) throws(AnnouncementRefusal) -> AnnouncementOutcome {
    let domain = try DomainName.normalizedPattern(request.domain)
    guard allowed.permits(domain) else {
      // Whoever was allowed it before holds it no longer.
      displaced += take(domain) { $0.party.owner == party.owner }
      throw .notAllowed(domain: domain, allowed: allowed.entries)
    }
    guard !AnnouncementRules.isTooFar(request.expiresAt, now: now) else { throw .expiryTooFar(domain: domain) }
    guard !routes.names(domain) else { throw .staticRoute(domain: domain) }
    guard request.sharedWith.count <= limits.partners else { throw .tooManyPartners(domain: domain, limit: limits.partners) }
    guard request.sharedWith.allSatisfy({ $0.text.utf8.count <= limits.partnerName }) else {
      throw .partnerTooLong(domain: domain, limit: limits.partnerName)
    }
    let present = holds[domain] ?? []
    // An announcement that has expired is not there, so who held it begins anew.
    let held = present.first { $0.party == party && !$0.isExpired(now) }
    if AnnouncementRules.isExpired(request.expiresAt, now: now), held != nil {
      return withdraw(domain, of: party, expiresAt: request.expiresAt)
    }
    let partners = request.sharedWith.subtracting([party.owner])
    try checkOwner(of: domain, among: present, for: party, partners: partners, now: now)
    if !present.contains(where: { $0.owner == party.owner && !$0.isExpired(now) }) {
      // Whoever holds the name was there first, and must be able to renew it and to give it up.
      try checkUnclaimed(domain, by: party.owner, allowed: allowed, routes: routes, now: now)
    }
    if AnnouncementRules.isExpired(request.expiresAt, now: now) { return .unchanged }
    if held == nil { try checkRoom(for: party, replacing: present, now: now) }
    displaced += displace(from: domain, by: party, partners: partners, now: now)
    if let held, held.expiresAt == request.expiresAt, held.sharedWith == partners {
      guard held.isOffline != request.isOffline else { return .unchanged }
      let announcement = held.announcement(of: domain)
      put(announcement, isOffline: request.isOffline, heard: true, now: now)
      return .switched(announcement, isOffline: request.isOffline)
    }
    let announcement = Announcement(
      domain: domain, owner: party.owner, instance: party.instance, expiresAt: request.expiresAt,
      since: held == nil ? now : held?.since, sharedWith: partners)
    put(announcement, isOffline: request.isOffline, heard: true, now: now)
    return held == nil ? .created(announcement) : .renewed(announcement)
  }

  private mutating func withdraw(_ domain: String, of party: Party, expiresAt: Date?) -> AnnouncementOutcome {
    guard var given = take(domain, where: { $0.party == party }).first else { return .unchanged }
    given.expiresAt = expiresAt
    return .withdrawn(given)
  }

  /// Refuses a name that another operator owns, unless that one was there later, or each of the two names the other.
  private func checkOwner(
    of domain: String, among present: [Hold], for party: Party, partners: Set<OperatorName>, now: Date
  ) throws(AnnouncementRefusal) {
    // Holds stand in the order in which they came: what stands before our operator's first was there before it.
    let ownFirst = present.firstIndex { $0.owner == party.owner && !$0.isExpired(now) } ?? present.endIndex
    for other in present[..<ownFirst] where other.owner != party.owner && isOwned(other, now: now) {
      guard partners.contains(other.owner), other.sharedWith.contains(party.owner) else {
        throw .heldByAnother(domain: domain, owner: other.owner)
      }
    }
  }

  /// Refuses a name below a wildcard of the settings or of another operator, unless the directory allows exactly this name.
  private func checkUnclaimed(
    _ domain: String, by owner: OperatorName, allowed: AllowedDomains, routes: StaticRoutes, now: Date
  ) throws(AnnouncementRefusal) {
    guard !allowed.names(domain) else { return }
    if let wildcard = routes.wildcard(covering: domain) { throw .underWildcard(domain: domain, wildcard: wildcard, owner: nil) }
    guard hasWildcards, let wildcard = NamePattern.wildcard(covering: domain) else { return }
    let owned = (holds[wildcard] ?? []).filter { isOwned($0, now: now) }
    if let other = owned.first, !owned.contains(where: { $0.owner == owner }) {
      throw .underWildcard(domain: domain, wildcard: wildcard, owner: other.owner)
    }
  }

  private func checkRoom(for party: Party, replacing present: [Hold], now: Date) throws(AnnouncementRefusal) {
    let replaces = present.contains { $0.party == party }
    guard replaces || presence.holds(of: party.owner) < limits.perOwner else { throw .tooMany(limit: limits.perOwner) }
    guard presence.isKnown(party) || presence.instances(of: party.owner) < limits.instancesPerOwner else {
      throw .tooManyInstances(limit: limits.instancesPerOwner)
    }
  }

  /// Takes out what cannot stand beside a party's announcement: what has expired, and other operators that are away for too
  /// long or that came later and are not, or no longer, partners on both sides.
  private mutating func displace(from domain: String, by party: Party, partners: Set<OperatorName>, now: Date) -> [Announcement] {
    let present = holds[domain] ?? []
    guard present.contains(where: { $0.owner != party.owner || $0.isExpired(now) }) else { return [] }
    let gone = present.filter { hold in
      if hold.isExpired(now) { return true }
      guard hold.owner != party.owner else { return false }
      return !(partners.contains(hold.owner) && hold.sharedWith.contains(party.owner))
    }.map(\.party)
    guard !gone.isEmpty else { return [] }
    // The party's own expired announcement is replaced, which the store is told anyway.
    return take(domain) { gone.contains($0.party) }.filter { $0.party != party }
  }
}
