public import FoundationEssentials
public import HyperModel

/// Giving up, and being away.
extension AnnouncementTable {
  /// Gives names up at once, as their expiry would (`withdrawConnections`). Others may announce them from now on.
  ///
  /// - Parameter instance: whose announcements: those of one private proxy, which can take nothing from its siblings. Nil: those
  ///   of all the operator's private proxies, so that it gets rid of what one left behind that is gone.
  /// - Returns: one outcome for each name, in order: `withdrawn` with the first announcement that was removed, `unchanged` when
  ///   there was none, `refused` for what is no name. All that was removed is in `displaced`.
  public mutating func withdraw(
    _ domains: [String], by owner: OperatorName, instance: InstanceID? = nil, now: Date
  ) -> AnnouncementReport {
    var report = AnnouncementReport()
    for domain in domains {
      do throws(AnnouncementRefusal) {
        let domain = try DomainName.normalizedPattern(domain)
        let removed = take(domain) { $0.owner == owner && (instance == nil || $0.instance == instance) }
        report.displaced += removed
        let live = removed.first { !AnnouncementRules.isExpired($0.expiresAt, now: now) }
        report.outcomes.append(live.map { .withdrawn($0) } ?? .unchanged)
      } catch {
        report.outcomes.append(.refused(error))
      }
    }
    if instance != nil { presence.heard(Party(owner, instance: instance), now: now) }
    return report
  }

  /// Something came from a private proxy.
  public mutating func heard(_ party: Party, now: Date) { presence.heard(party, now: now) }

  /// The network has a connection to an operator: all its private proxies count as there until more is known.
  public mutating func connected(_ owner: OperatorName, now: Date) { presence.connected(owner, now: now) }

  /// The network has lost its connection to an operator: all its private proxies are away.
  public mutating func disconnected(_ owner: OperatorName, now: Date) { presence.disconnected(owner, now: now) }

  /// Takes over which operators the network has connections to, all at once.
  public mutating func replaceConnected(_ owners: Set<OperatorName>, now: Date) {
    for owner in presence.owners {
      if owners.contains(owner) { presence.connected(owner, now: now) } else { presence.disconnected(owner, now: now) }
    }
  }

  /// One private proxy has said that it stops, or cannot be reached although its operator is connected.
  public mutating func stopped(_ party: Party, now: Date) { presence.stopped(party, now: now) }
}
