public import FoundationEssentials
public import HyperModel

/// Where the hello of a client goes.
public enum RouteOutcome: Hashable, Sendable {
  /// To a server that the settings name.
  case route(StaticRoute)
  /// The settings have the name, but for other protocols than the client offers: alert `no_application_protocol`.
  case noProtocol(domain: String)
  /// To the owner of an announced name or wildcard. Whether that one is there at the moment is not known here; while it is
  /// away the client gets alert `internal_error`, and nobody else the connection.
  case announced(Announcement)
  /// Nobody has the name, and the settings say where such hellos go.
  case fallback(address: String)
  /// Nobody has the name: alert `unrecognized_name`.
  case unknown
}

/// Everything that decides where a well-formed hello with a name goes: the routes of the settings and the announcements.
///
/// A value without clock, as `AnnouncementTable` is. The most specific statement about a name decides, whatever it then
/// leads to: the name itself before the wildcard that covers it, and of two equally specific ones the settings before an
/// announcement. So a name that somebody holds never falls through to another's wildcard or to the fallback, be its owner
/// connected or not; and what a client offers as protocols moves it between routes of the settings for one domain only.
///
/// Hellos without a name and whatever is refused have no business here: there is no lookup without a name.
public struct RouteTable: Sendable {
  public private(set) var routes: StaticRoutes
  public private(set) var announcements: AnnouncementTable

  public init(routes: StaticRoutes = .none, announcements: AnnouncementTable = .init()) {
    self.routes = routes
    self.announcements = announcements
  }

  /// Where a hello goes. At most four hash lookups, whatever the number of names.
  ///
  /// An announcement that has expired is not there, whether it has been purged or not: what is looked up depends on what
  /// was announced and on the time, never on when somebody cleaned up.
  ///
  /// - Parameters:
  ///   - serverName: the name of the hello; upper case does not matter.
  ///   - alpn: the protocols of the hello.
  public func lookup(_ serverName: String, alpn: [[UInt8]] = [], now: Date) -> RouteOutcome {
    let name = DomainName.folded(serverName)
    guard !NamePattern.isWildcard(name) else { return .unknown }
    if let outcome = routes.choose(name, alpn: alpn) { return outcome }
    if let exact = announcements.holding(of: name, now: now) { return .announced(exact) }
    if routes.hasWildcards || announcements.hasWildcards, let wildcard = NamePattern.wildcard(covering: name) {
      if let outcome = routes.choose(wildcard, alpn: alpn) { return outcome }
      if let held = announcements.holding(of: wildcard, now: now) { return .announced(held) }
    }
    return routes.fallback.map { .fallback(address: $0) } ?? .unknown
  }

  /// Every name and wildcard that a hello can belong to, whoever has it, expired ones included until they are purged.
  public var domains: [String] { routes.list.map(\.domain) + announcements.holds.keys }

  /// Announces names for an operator: `AnnouncementTable.announce`, with the names of the settings out of reach.
  public mutating func announce(
    _ requests: [AnnouncementRequest], by owner: OperatorName, instance: InstanceID? = nil, node: String? = nil,
    every interval: TimeInterval? = nil, allowed: AllowedDomains, now: Date
  ) -> AnnouncementReport {
    announcements.announce(requests, by: owner, instance: instance, node: node, every: interval, allowed: allowed, routes: routes, now: now)
  }

  /// Changes the announcements in other ways: restoring, purging, withdrawing.
  public mutating func updateAnnouncements<Result>(_ change: (inout AnnouncementTable) -> Result) -> Result {
    change(&announcements)
  }

  /// Puts the routes of the settings in the place of the former ones, at start and after a reload.
  ///
  /// - Returns: the announcements of names that the settings now have for themselves; they are removed, and the store has to
  ///   forget them. Names below a wildcard of the settings stay: they were there first.
  public mutating func replaceRoutes(_ routes: StaticRoutes) -> [Announcement] {
    self.routes = routes
    return announcements.removeAll { routes.names($0.domain) }
  }
}
