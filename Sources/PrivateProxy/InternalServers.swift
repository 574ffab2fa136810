import Announcements
import Operations
import Relay
import Settings
import Wiring

/// The servers behind this private proxy, and which of them a connection is for.
struct InternalServers: Sendable {
  /// What is known about a connection's server.
  enum Choice: Hashable, Sendable {
    case server(DialTarget)
    /// No server has the name.
    case noServer
    /// Those that have the name are for other protocols than the client offers.
    case noProtocol
  }

  /// The one that gets every connection, so that no hello has to be read; nil when names or protocols decide.
  let only: DialTarget?
  private let endpoints: StaticRoutes

  /// - Throws: `StartFailure` when two endpoints claim the same.
  init(_ settings: PrivateProxySettings) throws(StartFailure) {
    endpoints = try StaticRoutes(settings.internalEndpoints, fallback: settings.internalEndpoint, key: "private.internal_endpoints")
    only = settings.internalEndpoints.isEmpty ? settings.internalEndpoint.map(DialTarget.init) : nil
  }

  /// - Parameters:
  ///   - serverName: the name in the hello.
  ///   - alpn: the protocols in the hello.
  func choose(_ serverName: String, alpn: [[UInt8]]) -> Choice {
    switch endpoints.mostSpecific(serverName, alpn: alpn) {
    case .route(let route): DialTarget(routeAddress: route.address).map { .server($0) } ?? .noServer
    case .fallback(let address): DialTarget(routeAddress: address).map { .server($0) } ?? .noServer
    case .noProtocol: .noProtocol
    case .announced, .unknown: .noServer
    }
  }
}
