/// A name that the public proxy serves from a server it can reach itself, because its settings say so.
public struct StaticRoute: Hashable, Sendable {
  /// A name, or a wildcard of one label like `*.example.org`.
  public var domain: String
  /// The application protocols (RFC 7301) it is for; empty is for all that no other route of this domain takes.
  public var alpn: [String]
  /// Where to dial, `host:port`; its syntax is the settings' affair.
  public var address: String

  public init(domain: String, alpn: [String] = [], address: String) {
    self.domain = domain
    self.alpn = alpn
    self.address = address
  }
}

/// What is wrong with the routes of the settings.
public struct StaticRouteError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Which of the routes, counted from 0, for a message that points at it.
  public let index: Int
  public let description: String

  init(_ index: Int, _ description: String) {
    self.index = index
    self.description = description
  }
}
