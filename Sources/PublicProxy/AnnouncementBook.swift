import Announcements
import Datastore
import HyperModel
import Limits
import Logging
import Operations
import ServiceLifecycle
import Settings
import Synchronization
import Wiring

import struct Foundation.Date

/// The announcements in force at the public proxy, in memory for lookups and on disk for restarts, together with the routes of the
/// settings, which go before them.
///
/// `table` is protected by its mutex and is read at every connection. Writers come one at a time (`turn`): each works on a copy, stores what
/// changed, and only then puts the copy in force, so that nothing is answered with "accepted" that a crash could lose.
final class AnnouncementBook: Service, Sendable {
  /// How often expired announcements are removed; lookups do not see them anyway.
  static let purgeInterval: Duration = .seconds(60)

  private let table: Mutex<RouteTable>
  private let store: any AnnouncementStore
  private let turn = Turnstile()
  private let logger: Logger
  private let held: Gauge
  /// The names of the table, for quick denials; protected by its mutex. Made anew behind every change of them.
  private let known: Mutex<NameFilter>
  private let hasFallback: Bool
  /// Notices when the clock is set; protected by its mutex.
  private let clock = Mutex(ClockWatch())

  init(table: RouteTable, store: any AnnouncementStore, logger: Logger, metrics: MetricsRegistry) {
    self.table = Mutex(table)
    known = Mutex(Self.filter(of: table))
    hasFallback = table.routes.fallback != nil
    self.store = store
    self.logger = logger
    held = metrics.gauge("hyper_announcements", help: "Names held at this public proxy.")
    held.set(Double(table.announcements.count))
  }

  /// Opens the store of the settings and takes over what it holds.
  ///
  /// - Throws: `StartFailure` when the store cannot be used.
  static func open(
    _ settings: PublicNetworkSettings, routes: StaticRoutes, logger: Logger, metrics: MetricsRegistry
  ) async throws(StartFailure) -> AnnouncementBook {
    var limits = AnnouncementLimits()
    limits.ownershipGrace = settings.ownershipGrace / .seconds(1)
    do throws(DatastoreError) {
      let type = StoreType(rawValue: settings.datastore.type.rawValue) ?? .sqlite
      let store = try type.open(path: settings.datastore.filename)
      return try await open(store, routes: routes, limits: limits, logger: logger, metrics: metrics)
    } catch {
      throw StartFailure(message: error.description, hint: error.hint)
    }
  }

  /// Takes over what a store holds. What has expired meanwhile is forgotten, and what the settings now have for themselves as well: nobody can
  /// hold it any longer.
  static func open(
    _ store: any AnnouncementStore, routes: StaticRoutes = .none, limits: AnnouncementLimits = AnnouncementLimits(), logger: Logger,
    metrics: MetricsRegistry
  ) async throws(DatastoreError) -> AnnouncementBook {
    var table = RouteTable(announcements: AnnouncementTable(limits: limits))
    let stored = try await store.load().compactMap(\.announcement)
    let leftOut = table.updateAnnouncements { $0.restore(stored, now: Date()) }
    let displaced = table.replaceRoutes(routes)
    let forgotten = leftOut + displaced
    if !forgotten.isEmpty { try await store.remove(forgotten.map { StoredAnnouncement($0) }) }
    for announcement in displaced {
      logger.warning(
        "announcement removed, the name is in 'routes' now",
        metadata: ["domain": "\(announcement.domain)", "operator": "\(announcement.owner)"])
    }
    return AnnouncementBook(table: table, store: store, logger: logger, metrics: metrics)
  }

  private static func filter(of table: RouteTable) -> NameFilter { NameFilter(table.domains, key: .random(in: .min ... .max)) }

  /// False when nobody has the name and it goes nowhere, which is known without a look-up. A moment behind the table for names that are new.
  ///
  /// - Parameter serverName: in lower case.
  func mayHave(_ serverName: String) -> Bool { hasFallback || known.withLock { $0.mayContain(serverName) } }

  /// Where the hello of a client goes.
  func lookup(_ serverName: String, alpn: [[UInt8]]) -> RouteOutcome {
    table.withLock { $0.lookup(serverName, alpn: alpn, now: Date()) }
  }

  /// What holds now: of one operator, or of all.
  func list(of owner: OperatorName?) -> [Announcement] {
    table.withLock { $0.announcements.list(of: owner, now: Date()) }
  }

  /// As `list`, with what is known about the private proxies.
  func statuses(of owner: OperatorName?) -> [AnnouncementStatus] {
    table.withLock { $0.announcements.statuses(of: owner, now: Date()) }
  }

  /// Who can be asked to take a client of a name or wildcard, as it was announced, and through which of their nodes.
  func candidates(for domain: String) -> [Candidate] {
    table.withLock { table in
      table.announcements.candidates(for: domain, now: Date()).map {
        Candidate(party: $0.party, node: table.announcements.node(of: $0.party))
      }
    }
  }

  /// Whether all private proxies of an operator that hold names have announced something since then; false when none holds any.
  func haveSpoken(_ owner: OperatorName, since start: Date) -> Bool {
    table.withLock { $0.announcements.haveSpoken(owner, since: start, now: Date()) }
  }

  /// Announces names for an operator. When this returns, what was accepted is stored and in force.
  ///
  /// - Returns: for each item nil or the refusal.
  /// - Throws: `CallFault` −32603 when the changes could not be stored, 409 when a later call has been carried out; then nothing has changed.
  func announce(
    _ items: [AnnouncementRequest], by owner: OperatorName, _ call: AnnouncementCall = AnnouncementCall(), allowed: AllowedDomains
  ) async throws(CallFault) -> [AnnouncementRefusal?] {
    let party = Party(owner, instance: call.instance)
    let report = try await change { table in
      let now = Date()
      if let order = call.order, table.announcements.isOvertaken(order, of: party) { return AnnouncementReport(isOvertaken: true) }
      var report = table.announce(
        items, by: owner, instance: call.instance, node: call.node, every: call.interval.map(Double.init), allowed: allowed, now: now)
      table.updateAnnouncements { announcements in
        if let range = call.complete {
          let domains = Set(items.map { $0.domain.lowercased() })
          report.displaced += announcements.withdrawAll(of: party, except: domains, in: range)
        }
        if call.isStopping { announcements.stopped(party, now: now) }
        if let order = call.order { announcements.carriedOut(order, of: party) }
      }
      return report
    }
    if report.isOvertaken { throw Self.overtaken }
    if call.isStopping { logger.info("private side stops", metadata: ["operator": "\(party)"]) }
    for gone in report.displaced {
      let text: Logger.Message = gone.party == party ? "withdrawn" : "displaced"
      logger.info(text, metadata: ["domain": "\(gone.domain)", "operator": "\(gone.party)"])
    }
    var refusals: [AnnouncementRefusal?] = []
    for outcome in report.outcomes {
      refusals.append(outcome.refusal)
      if let (text, announcement) = outcome.logged {
        logger.info(text, metadata: ["domain": "\(announcement.domain)", "operator": "\(party)"])
      }
    }
    return refusals
  }

  /// The directory allows an operator nothing: its names are free.
  func release(of owner: OperatorName) async {
    guard !list(of: owner).isEmpty else { return }
    do {
      let report = try await change { table in
        AnnouncementReport(displaced: table.updateAnnouncements { $0.removeAll { $0.owner == owner } })
      }
      for gone in report.displaced {
        logger.info("no longer allowed", metadata: ["domain": "\(gone.domain)", "operator": "\(gone.party)"])
      }
    } catch {
      logger.error("names that are no longer allowed could not be removed from the store", metadata: ["reason": "\(error.message)"])
    }
  }

  /// Gives names up at once. When this returns, that is stored and others may announce them.
  ///
  /// - Parameters:
  ///   - instance: whose announcements; nil those of all the operator's private proxies.
  ///   - order: where the call stands among those of this private proxy.
  /// - Returns: for each name nil or the refusal.
  /// - Throws: as `announce`.
  func withdraw(
    _ domains: [String], by owner: OperatorName, instance: InstanceID?, order: CallOrder? = nil
  ) async throws(CallFault) -> [AnnouncementRefusal?] {
    let party = Party(owner, instance: instance)
    let report = try await change { table in
      if let order, table.announcements.isOvertaken(order, of: party) { return AnnouncementReport(isOvertaken: true) }
      return table.updateAnnouncements { announcements in
        let report = announcements.withdraw(domains, by: owner, instance: instance, now: Date())
        if let order { announcements.carriedOut(order, of: party) }
        return report
      }
    }
    if report.isOvertaken { throw Self.overtaken }
    for gone in report.displaced {
      logger.info("withdrawn", metadata: ["domain": "\(gone.domain)", "operator": "\(gone.party)"])
    }
    return report.outcomes.map(\.refusal)
  }

  private static let overtaken = CallFault(
    code: 409, message: "a later call of the same private proxy has been carried out already", data: CallOrder.overtaken)

  // MARK: Who is there

  /// The network has these connections now: operators, with the names of their nodes.
  func connectionsChanged(_ connected: [OperatorName: Set<String>]) async {
    await note { $0.replaceConnected(connected, now: Date()) }
  }

  /// A private proxy could not be reached.
  func unreachable(_ party: Party) async {
    await note { $0.unreachable(party, now: Date()) }
  }

  /// A private proxy has answered a notice.
  func reached(_ party: Party) async {
    guard table.withLock({ $0.announcements.isUnreachable(party) }) else { return }
    await note { $0.reached(party) }
  }

  /// A change that the store has no part in.
  private func note(_ step: @Sendable (inout AnnouncementTable) -> Void) async {
    _ = try? await change { table in  // throws only when something could not be stored
      table.updateAnnouncements(step)
      return AnnouncementReport()
    }
  }

  /// Removes what has expired, again and again until graceful shutdown.
  func run() async throws {
    await cancelWhenGracefulShutdown {
      while (try? await Task.sleep(for: Self.purgeInterval)) != nil { await self.purge() }
    }
  }

  func purge() async {
    let now = Date()
    do {
      let gone = try await change { table in
        AnnouncementReport(displaced: table.updateAnnouncements { $0.purgeExpired(now: now) })
      }
      for announcement in gone.displaced {
        logger.info("expired", metadata: ["domain": "\(announcement.domain)", "operator": "\(announcement.owner)"])
      }
    } catch {
      logger.error("expired announcements could not be removed from the store", metadata: ["reason": "\(error.message)"])
    }
  }

  /// What the store has to be told. A call may name a domain twice: its last item counts.
  private static func changes(of report: AnnouncementReport) -> (removed: [StoredAnnouncement], saved: [StoredAnnouncement]) {
    var saved: [String: StoredAnnouncement] = [:]
    var removed: [String: StoredAnnouncement] = [:]
    for outcome in report.outcomes {
      switch outcome {
      case .created(let announcement), .renewed(let announcement):
        saved[announcement.domain] = StoredAnnouncement(announcement)
        removed[announcement.domain] = nil
      case .withdrawn(let announcement):
        removed[announcement.domain] = StoredAnnouncement(announcement)
        saved[announcement.domain] = nil
      case .switched, .unchanged, .refused: break
      }
    }
    return (report.displaced.map { StoredAnnouncement($0) } + removed.values, Array(saved.values))
  }

  /// One change of the table: made on a copy, stored, then put in force.
  private func change(
    _ step: @Sendable (inout RouteTable) -> AnnouncementReport
  ) async throws(CallFault) -> AnnouncementReport {
    try await turn.pass { () throws(CallFault) -> AnnouncementReport in
      if let jump = clock.withLock({ $0.jump() }) {
        logger.warning("the clock was set", metadata: ["seconds": "\(Int(jump.rounded()))"])
        // At once, whatever becomes of the change.
        table.withLock { table in table.updateAnnouncements { $0.clockJumped(by: jump) } }
      }
      var next = table.withLock { $0 }
      let report = step(&next)
      let changes = Self.changes(of: report)
      do {
        if !changes.removed.isEmpty || !changes.saved.isEmpty {
          try await store.change(removing: changes.removed, saving: changes.saved)
        }
      } catch {
        logger.error("announcements could not be stored", metadata: ["reason": "\(error)"])
        throw CallFault(code: -32603, message: "the announcements could not be stored, nothing was changed: try again later")
      }
      let result = next
      table.withLock { $0 = result }
      if !changes.removed.isEmpty || !changes.saved.isEmpty {
        let filter = Self.filter(of: result)
        known.withLock { $0 = filter }
      }
      held.set(Double(result.announcements.count))
      return report
    }
  }
}

/// Somebody who can be asked to take a client.
struct Candidate: Hashable, Sendable {
  var party: Party
  /// The node through which it announces; nil when that does not say which it is.
  var node: String?
}

extension AnnouncementOutcome {
  fileprivate var refusal: AnnouncementRefusal? {
    guard case .refused(let refusal) = self else { return nil }
    return refusal
  }

  fileprivate var logged: (Logger.Message, Announcement)? {
    switch self {
    case .created(let announcement): ("announced", announcement)
    case .withdrawn(let announcement): ("withdrawn", announcement)
    case .switched(let announcement, isOffline: true): ("offline", announcement)
    case .switched(let announcement, isOffline: false): ("online", announcement)
    case .renewed, .unchanged, .refused: nil
    }
  }
}
