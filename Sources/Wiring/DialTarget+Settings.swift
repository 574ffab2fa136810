public import Announcements
import JSONRPC
public import Operations
public import Relay
public import Settings

extension DialTarget {
  /// Reads `host:port`; nil when the text is something else.
  public init?(_ hostPort: String) {
    guard case .tcp(let host, let port) = ListenAddress(hostPort), port > 0 else { return nil }
    self = .host(host, port: port)
  }

  /// Reads the address of a route: `host:port` or `unix:PATH`. Nil when the text is something else, which checked settings never are.
  public init?(routeAddress text: String) {
    switch ListenAddress(text) {
    case .tcp(let host, let port) where port > 0: self = .host(host, port: port)
    case .unix(let path): self = .unix(path: path)
    case .tcp, nil: return nil
    }
  }

  public init(_ address: DialAddress) {
    switch address {
    case .tcp(let address): self = .host(address.host, port: address.port)
    case .unix(let path): self = .unix(path: path)
    }
  }
}

extension StaticRoutes {
  /// The routes of checked settings.
  ///
  /// - Parameter key: the key they stand under, for the message.
  /// - Throws: `StartFailure` when the table has an objection that the check of the settings did not have.
  public init(_ routes: [RouteSettings], fallback: DialAddress? = nil, key: String) throws(StartFailure) {
    do {
      try self.init(routes.map(\.route), fallback: fallback?.description)
    } catch {
      throw StartFailure("\(key)[\(error.index)]: \(error)", hint: "correct the settings", status: ExitStatus.badUsage)
    }
  }
}
