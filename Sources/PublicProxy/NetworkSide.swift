import Announcements
import JSONRPC
import Logging
import Operations
import Relay
import ServiceLifecycle
import Settings
import Trust
import Wiring

/// What makes a public proxy part of a Hyper network: the book of announcements, the link to the own node, and the server that node calls.
struct NetworkSide: Sendable {
  let book: AnnouncementBook
  let link: NodeLink
  let follower: ConnectionFollower
  let server: JSONRPCServer
  private let settings: PublicNetworkSettings

  /// Calls to the own node besides notices, for which there has always to be room.
  private static let otherCalls = 16

  /// Opens the store and loads certificates; listens on nothing yet.
  ///
  /// - Throws: `StartFailure` when the store or a certificate cannot be used.
  static func open(
    _ settings: PublicNetworkSettings, routes: StaticRoutes, trust: TrustStore, logger: Logger, metrics: MetricsRegistry
  ) async throws(StartFailure) -> NetworkSide {
    let book = try await AnnouncementBook.open(settings, routes: routes, logger: logger, metrics: metrics)
    let link = try LocalLinks.nodeLink(
      ownName: settings.name, client: settings.jsonrpcClient, server: settings.jsonrpcServer, trust: trust, logger: logger,
      metrics: metrics, calls: settings.maxNotices + otherCalls)
    let methods = PublicMethods(ownName: settings.name, book: book, listAllGroups: Set(settings.listAllGroups), logger: logger)
    let server = try LocalLinks.server(
      name: "jsonrpc_server", settings.jsonrpcServer, ownName: settings.name, pins: { link.pins }, trust: trust, logger: logger,
      metrics: metrics, handler: methods.handle)
    let follower = ConnectionFollower(link: link, book: book, logger: logger, metrics: metrics)
    return NetworkSide(book: book, link: link, follower: follower, server: server, settings: settings)
  }

  func handover(of engine: RelayEngine, streamLog: StreamLog, logger: Logger, metrics: MetricsRegistry) -> Handover {
    Handover(
      engine: engine, node: link, book: book, internalEndpoint: settings.internalEndpoint.description,
      acceptTimeout: settings.acceptTimeout, streamLog: streamLog, logger: logger, notices: NoticeCounters(metrics),
      turns: NoticeTurns(limit: settings.maxNotices, metrics: metrics))
  }
}
