public import HyperModel
public import Trust

/// Where a JSON-RPC client calls and how (PROTOCOL.md 3.4, DESIGN.md 4).
public struct JSONRPCClientConfiguration: Sendable {
  public var endpoint: Endpoint
  /// Our certificate and the authorities that the server must chain to, as they are when a connection is opened. Needed for https.
  public var trust: TrustSource?
  /// The name the server's certificate must carry, also sent as SNI: an operator name. Nil takes the host of the endpoint.
  public var serverName: OperatorName?
  /// The directory's fingerprints; nil takes any certificate under the roots with the right name.
  public var pins: Pins?
  public var limits: JSONRPCClientLimits

  public init(
    endpoint: Endpoint, trust: TrustSource? = nil, serverName: OperatorName? = nil, pins: Pins? = nil,
    limits: JSONRPCClientLimits = JSONRPCClientLimits()
  ) {
    self.endpoint = endpoint
    self.trust = trust
    self.serverName = serverName
    self.pins = pins
    self.limits = limits
  }

  /// Where calls go.
  public enum Endpoint: Sendable, Hashable {
    case https(host: String, port: Int, path: String)
    /// Plain HTTP; for loopback and tests. Whether that is allowed is the settings' business.
    case http(host: String, port: Int, path: String)
    /// Plain HTTP over a Unix socket. `httpPath` is the request's path there.
    case unix(path: String, httpPath: String)
  }
}

/// The bounds of a JSON-RPC client.
public struct JSONRPCClientLimits: Sendable, Hashable {
  /// For a whole call, waiting for a connection and dialling included.
  public var callTime: Duration = .seconds(30)
  /// For one connection to come about, TLS included: an attempt that takes longer is as good as failed (DESIGN.md 4).
  public var dialTime: Duration = .seconds(2)
  /// How long a connection is kept without a call; less than servers keep theirs, so that it is we who close. 20 s: the one that is used
  /// last stays, because a proxy asks its node every 10 s.
  public var idleTime: Duration = .seconds(20)
  /// The same for those that were opened beside two others: what a burst needs is descriptors of both sides, which are missing elsewhere behind it.
  public var spareIdleTime: Duration = .seconds(3)
  /// Calls at the same time; a connection carries one at a time.
  public var connections = 64
  /// Connections that are opened at the same time; other calls wait for one of them or for one that is free again.
  public var dials = 4
  /// Calls that wait for one of those connections. They wait no longer than their deadline.
  public var waiting = 4096
  /// Bytes of an answer's body; as much as servers take for a request.
  public var answer = 4 << 20

  public init() {}
}

extension JSONRPCClientConfiguration.Endpoint: CustomStringConvertible {
  /// A URL, or `unix:PATH` and the path of the request.
  public var description: String {
    switch self {
    case .https(let host, let port, let path): "https://\(ListenAddress.tcp(host: host, port: port))\(path)"
    case .http(let host, let port, let path): "http://\(ListenAddress.tcp(host: host, port: port))\(path)"
    case .unix(let path, let httpPath): "unix:\(path) \(httpPath)"
    }
  }

  /// Reads an endpoint of the settings: `https://HOST[:PORT][/PATH]`, `http://…`, or `unix:PATH` with the HTTP path given apart.
  ///
  /// - Parameter httpPath: the request's path for `unix:`, and for a URL without one.
  /// - Returns: nil when the text is none of these; a user name, a query or a fragment is not taken either.
  public init?(_ text: String, httpPath: String = "/jsonrpc") {
    if case .unix(let path) = ListenAddress(text) {
      self = .unix(path: path, httpPath: httpPath)
      return
    }
    guard let mark = text.firstRange(of: "://") else { return nil }
    let rest = text[mark.upperBound...]
    let authority = rest.prefix { $0 != "/" }
    let path = authority.endIndex == rest.endIndex ? httpPath : String(rest[authority.endIndex...])
    guard !authority.contains("@"), !rest.contains(where: { "?# ".contains($0) || $0.isNewline }) else { return nil }
    let hasPort = authority.last != "]" && authority.contains(":")
    let scheme = text[..<mark.lowerBound].lowercased()
    let defaultPort = scheme == "https" ? 443 : 80
    guard case .tcp(let host, let port) = ListenAddress(hasPort ? String(authority) : "\(authority):\(defaultPort)"), port > 0 else {
      return nil
    }
    switch scheme {
    case "https": self = .https(host: host, port: port, path: path)
    case "http": self = .http(host: host, port: port, path: path)
    default: return nil
    }
  }
}
