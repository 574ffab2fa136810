/// The routes of the settings, ready for lookups.
///
/// Only here can the application protocol choose the server: whoever could divert `acme-tls/1` for an announced name could
/// get certificates for it (RFC 8737), but a name of the settings has one owner, who decides.
public struct StaticRoutes: Sendable {
  /// How long a protocol id may be (RFC 7301 3.1).
  static let maximumProtocolBytes = 255

  private struct Choice: Sendable {
    var route: StaticRoute
    /// The protocols as they stand in a hello.
    var alpn: [[UInt8]]
  }

  /// By domain in lower case, wildcards included. The one for all protocols stands last.
  private let choices: [String: [Choice]]
  /// Without any, a lookup does not have to make their text.
  let hasWildcards: Bool
  /// Where hellos go whose name nobody has; nil turns them away.
  public let fallback: String?

  public static let none = StaticRoutes(checked: [:], fallback: nil)

  private init(checked choices: [String: [Choice]], fallback: String?) {
    self.choices = choices
    self.fallback = fallback
    hasWildcards = choices.keys.contains(where: NamePattern.isWildcard)
  }

  /// - Parameter fallback: where well-formed hellos with a name that nobody has are sent, `host:port`.
  /// - Throws: when a domain is neither a name nor a wildcard, a protocol id is none, or two routes claim the same domain
  ///   and protocol, so that the order of lines would decide.
  public init(_ routes: [StaticRoute], fallback: String? = nil) throws(StaticRouteError) {
    var choices: [String: [Choice]] = [:]
    for (index, route) in routes.enumerated() {
      let choice = try Self.checked(route, index)
      let present = choices[choice.route.domain, default: []]
      try Self.checkNew(choice, beside: present, index)
      // For all protocols: behind the others, wherever it was written.
      let place = choice.alpn.isEmpty ? present.count : present.firstIndex { $0.alpn.isEmpty } ?? present.count
      choices[choice.route.domain, default: []].insert(choice, at: place)
    }
    self.init(checked: choices, fallback: fallback)
  }

  private static func checked(_ route: StaticRoute, _ index: Int) throws(StaticRouteError) -> Choice {
    var route = route
    do throws(AnnouncementRefusal) {
      route.domain = try DomainName.normalizedPattern(route.domain)
    } catch {
      throw StaticRouteError(index, "\(error)")
    }
    for id in route.alpn {
      guard (1...maximumProtocolBytes).contains(id.utf8.count) else {
        let problem = "is not 1 to \(maximumProtocolBytes) bytes long"
        throw StaticRouteError(index, "the protocol \(id.debugDescription) of \(route.domain) \(problem)")
      }
    }
    return Choice(route: route, alpn: route.alpn.map { Array($0.utf8) })
  }

  private static func checkNew(_ choice: Choice, beside present: [Choice], _ index: Int) throws(StaticRouteError) {
    let domain = choice.route.domain
    if choice.alpn.isEmpty, present.contains(where: \.alpn.isEmpty) {
      throw StaticRouteError(index, "a second route for all protocols of \(domain)")
    }
    var taken = Set(present.flatMap(\.alpn))
    for (id, text) in zip(choice.alpn, choice.route.alpn) where !taken.insert(id).inserted {
      throw StaticRouteError(index, "a second route for protocol \(text.debugDescription) of \(domain)")
    }
  }

  /// All of them, by domain and in the order they are tried.
  public var list: [StaticRoute] {
    choices.sorted { $0.key < $1.key }.flatMap { $0.value.map(\.route) }
  }

  /// The names, no wildcards, that lead to one address whatever the client offers: nothing that happens later changes where
  /// their hellos go, since no announcement has precedence over them. By name in lower case.
  public var unconditional: [String: String] {
    choices.filter { !NamePattern.isWildcard($0.key) && $0.value.count == 1 && $0.value[0].alpn.isEmpty }
      .mapValues { $0[0].route.address }
  }

  /// Whether the settings name exactly this name or wildcard, in lower case.
  func names(_ domain: String) -> Bool { choices[domain] != nil }

  /// The wildcard of the settings that covers a name in lower case.
  func wildcard(covering domain: String) -> String? {
    guard hasWildcards, let wildcard = NamePattern.wildcard(covering: domain) else { return nil }
    return names(wildcard) ? wildcard : nil
  }

  /// The most specific route that fits both name and protocols, where all of them have one owner, so that falling through
  /// harms nobody: first those of the name, then those of the wildcard that covers it, then the fallback; among those of one
  /// domain the one for a protocol of the client before the one for all. Without a fallback, `noProtocol` or `unknown`.
  ///
  /// - Parameter serverName: upper case does not matter.
  public func mostSpecific(_ serverName: String, alpn: [[UInt8]]) -> RouteOutcome {
    let name = DomainName.folded(serverName)
    guard !NamePattern.isWildcard(name) else { return .unknown }
    let exact = choose(name, alpn: alpn)
    if case .route(let route)? = exact { return .route(route) }
    let covering = wildcard(covering: name).flatMap { choose($0, alpn: alpn) }
    if case .route(let route)? = covering { return .route(route) }
    return fallback.map { .fallback(address: $0) } ?? exact ?? covering ?? .unknown
  }

  /// Where connections of an announced name or wildcard can go by `mostSpecific`: the addresses of its routes, as far as one for all
  /// protocols does not leave the next ones nothing; for a wildcard without any, those of the names below it.
  public func destinations(of pattern: String) -> Set<String> {
    let name = DomainName.folded(pattern)
    var addresses: Set<String> = []
    for domain in [name, NamePattern.wildcard(covering: name)].compactMap({ $0 }) {
      let present = choices[domain] ?? []
      addresses.formUnion(present.map(\.route.address))
      if present.contains(where: \.alpn.isEmpty) { return addresses }
    }
    if let fallback { addresses.insert(fallback) }
    guard addresses.isEmpty, NamePattern.isWildcard(name) else { return addresses }
    let below = choices.filter { NamePattern.wildcard(covering: $0.key) == name }.values
    return Set(below.joined().map(\.route.address))
  }

  /// What the settings say about a domain, as written there, for a client that offers these protocols; nil when they do not
  /// name it.
  ///
  /// The first route of which the client offers a protocol, in the order of the settings; else the one for all protocols.
  func choose(_ domain: String, alpn: [[UInt8]]) -> RouteOutcome? {
    guard let choices = choices[domain] else { return nil }
    let chosen = choices.first { $0.alpn.isEmpty || $0.alpn.contains(where: alpn.contains) }
    return chosen.map { .route($0.route) } ?? .noProtocol(domain: domain)
  }
}
