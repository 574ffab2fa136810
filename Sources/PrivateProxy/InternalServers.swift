import Addresses
import Announcements
import Operations
import ProxyProtocol
import Relay
import Settings
import Wiring

/// The servers behind this private proxy, and which of them a connection is for.
struct InternalServers: Sendable {
  /// A server, and how it learns whose connections it gets.
  struct Server: Hashable, Sendable {
    var target: DialTarget
    /// Nil: it does not.
    var proxyProtocol: ProxyHeader.Version?
  }

  /// What is known about a connection's server.
  enum Choice: Hashable, Sendable {
    case server(Server)
    /// No server has the name.
    case noServer
    /// Those that have the name are for other protocols than the client offers.
    case noProtocol
  }

  private struct Rule: Hashable {
    var domain: String
    var alpn: [String]
  }

  /// The one that gets every connection, so that no hello has to be read; nil when names or protocols decide.
  let only: Server?
  /// Every address, as `destinations` has them.
  let addresses: [String: DialTarget]
  /// How much their PROXY headers say of a client's address.
  let headerPrivacy: HeaderPrivacy
  private let endpoints: StaticRoutes
  private let proxyProtocols: [Rule: ProxyHeader.Version]
  private let fallbackProxyProtocol: ProxyHeader.Version?

  /// - Throws: `StartFailure` when two endpoints claim the same.
  init(_ settings: PrivateProxySettings) throws(StartFailure) {
    let routes = settings.internalEndpoints.map(\.route)
    endpoints = try StaticRoutes(routes, fallback: settings.internalEndpoint, key: "private.internal_endpoints")
    fallbackProxyProtocol = settings.proxyProtocol
    headerPrivacy = settings.privacy.proxyHeader
    var proxyProtocols: [Rule: ProxyHeader.Version] = [:]
    for endpoint in settings.internalEndpoints {
      proxyProtocols[Rule(domain: endpoint.route.domain, alpn: endpoint.route.alpn)] = endpoint.proxyProtocol
    }
    self.proxyProtocols = proxyProtocols
    let all = routes.map(\.address) + [settings.internalEndpoint].compactMap { $0 }
    addresses = Dictionary(all.map { ($0.description, DialTarget($0)) }) { first, _ in first }
    only =
      routes.isEmpty
      ? settings.internalEndpoint.map { Server(target: DialTarget($0), proxyProtocol: settings.proxyProtocol) } : nil
  }

  /// - Parameters:
  ///   - serverName: the name in the hello.
  ///   - alpn: the protocols in the hello.
  func choose(_ serverName: String, alpn: [[UInt8]]) -> Choice {
    switch endpoints.mostSpecific(serverName, alpn: alpn) {
    case .route(let route): server(route.address, proxyProtocols[Rule(domain: route.domain, alpn: route.alpn)])
    case .fallback(let address): server(address, fallbackProxyProtocol)
    case .noProtocol: .noProtocol
    case .announced, .unknown: .noServer
    }
  }

  private func server(_ address: String, _ proxyProtocol: ProxyHeader.Version?) -> Choice {
    addresses[address].map { .server(Server(target: $0, proxyProtocol: proxyProtocol)) } ?? .noServer
  }

  /// Whether every server that connections of an announced name could go to is down.
  func isOffline(_ domain: String, down: Set<String>) -> Bool {
    guard !down.isEmpty else { return false }
    let destinations = endpoints.destinations(of: domain)
    return !destinations.isEmpty && destinations.isSubset(of: down)
  }
}
