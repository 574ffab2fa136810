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
    return report
  }

  /// Gives up whatever a private proxy holds besides these names: what it has said about them is all it announces.
  ///
  /// - Parameter range: it has spoken of these only.
  public mutating func withdrawAll(of party: Party, except domains: Set<String>, in range: NameRange = .whole) -> [Announcement] {
    // Most repetitions change nothing, and then every name of the operator is one of these.
    guard presence.holds(of: party) > domains.count(where: { holds[$0]?.contains { $0.party == party } ?? false }) else { return [] }
    return removeAll { $0.party == party && range.contains($0.domain) && !domains.contains($0.domain) }
  }

  /// Something came from a private proxy.
  ///
  /// - Parameter node: the node through which it came, when that says which it is.
  public mutating func heard(_ party: Party, through node: String? = nil, now: Date) {
    presence.heard(party, through: node, every: nil, now: now)
  }

  /// Whether a later call of a private proxy has been carried out already, so that this one would undo it. Known for as long as it holds names.
  public func isOvertaken(_ order: CallOrder, of party: Party) -> Bool { presence.isOvertaken(order, of: party) }

  /// A call of a private proxy has been carried out.
  public mutating func carriedOut(_ order: CallOrder, of party: Party) { presence.carriedOut(order, of: party) }

  /// The network has connections to an operator's nodes.
  ///
  /// - Parameter nodes: how they are called, as `heard` has it; empty when they do not say.
  public mutating func connected(_ owner: OperatorName, nodes: Set<String> = [], now: Date) {
    presence.connected(owner, nodes: nodes, now: now)
  }

  /// The network has lost its connection to an operator: all its private proxies are away.
  public mutating func disconnected(_ owner: OperatorName, now: Date) { presence.disconnected(owner, now: now) }

  /// Takes over which operators the network has connections to, with the names of their nodes, all at once.
  public mutating func replaceConnected(_ owners: [OperatorName: Set<String>], now: Date) {
    for owner in presence.owners {
      if let nodes = owners[owner] { presence.connected(owner, nodes: nodes, now: now) } else { presence.disconnected(owner, now: now) }
    }
  }

  /// One private proxy has said that it stops: it is not asked until it is heard again.
  public mutating func stopped(_ party: Party, now: Date) { presence.stopped(party, now: now) }

  /// One private proxy could not be reached although its operator is connected.
  public mutating func unreachable(_ party: Party, now: Date) { presence.unreachable(party, now: now) }

  /// Whether a private proxy is not asked because it could not be reached.
  public func isUnreachable(_ party: Party) -> Bool { presence.isUnreachable(party) }

  /// One private proxy could be reached after all. Nothing for others than those that could not.
  public mutating func reached(_ party: Party) { presence.reached(party) }

  /// Whether all private proxies of an operator that hold names have announced something since then; false when none holds any.
  public func haveSpoken(_ owner: OperatorName, since start: Date, now: Date) -> Bool {
    presence.haveSpoken(owner, since: start, now: now)
  }

  /// The node through which a private proxy was heard last; nil when it did not say which it is.
  public func node(of party: Party) -> String? { presence.node(of: party) }
}
