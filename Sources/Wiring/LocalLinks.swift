public import HyperModel
public import JSONRPC
public import Logging
public import Operations
public import Settings
public import Trust

/// Makes the two halves of a link between a proxy and its node from settings: the server that takes calls, the client that makes them.
public enum LocalLinks {
  /// Certificate, key and authorities of a `tls` map, watched from here on.
  ///
  /// - Throws: `StartFailure` naming the file and what is wrong with it.
  public static func trust(_ tls: TLSSettings, ownName: OperatorName, in store: TrustStore) throws(StartFailure) -> TrustSource {
    do {
      let files = TrustFiles(caCertificateFiles: tls.caCertificateFiles, certificateFile: tls.certificateFile, keyFile: tls.keyFile)
      return try store.source(for: files, ownName: ownName)
    } catch {
      throw StartFailure(message: error.message, hint: error.hint, status: ExitStatus.failure)
    }
  }

  /// A server that only the own operator may call (over TCP: by pinned certificate; over a Unix socket: by user).
  ///
  /// - Parameter pins: the fingerprints in force for the own operator, asked at every request.
  public static func server(
    name: String, _ settings: JSONRPCServerSettings, ownName: OperatorName, pins: @escaping @Sendable () -> Set<String>,
    trust store: TrustStore, logger: Logger, metrics: MetricsRegistry, handler: @escaping JSONRPCServer.Handler
  ) throws(StartFailure) -> JSONRPCServer {
    let trust: TrustSource? = if let tls = settings.tls { try self.trust(tls, ownName: ownName, in: store) } else { nil }
    let verification = settings.tls.map(clientVerification) ?? .none
    let admission = OwnOperator(name: ownName, allowsAnonymous: verification != .required, pins: pins)
    let configuration = JSONRPCServerConfiguration(
      name: name, address: listenAddress(settings.bindAddress), path: settings.path, trust: trust, clientVerification: verification,
      insecure: settings.insecure,
      unixAccess: UnixAccess(allowedUIDs: settings.allowedUIDs, mode: UInt32(settings.socketMode), group: settings.socketGroup),
      limits: settings.limits.http, calls: settings.limits.calls, strictNotifications: settings.strictNotifications,
      cors: settings.cors.map(CORSPolicy.init), rates: settings.tcpRateLimits.map(ConnectionRate.init))
    return JSONRPCServer(configuration, admit: { admission.refusal(of: $0) }, logger: logger, metrics: metrics, handler: handler)
  }

  /// A client to the own node or the own service. Over TLS the other side must name the own operator, unless the settings say otherwise.
  ///
  /// - Parameters:
  ///   - pins: nil takes any certificate under the roots with the right name.
  ///   - calls: how many there can be at one time; nil for the client's default.
  public static func client(
    _ settings: JSONRPCClientSettings, ownName: OperatorName, pins: Pins?, trust store: TrustStore, logger: Logger,
    metrics: MetricsRegistry,
    calls: Int? = nil
  ) throws(StartFailure) -> JSONRPCClient {
    let trust: TrustSource? = if let tls = settings.tls { try self.trust(tls, ownName: ownName, in: store) } else { nil }
    let endpoint: JSONRPCClientConfiguration.Endpoint =
      switch settings.endpoint {
      case .https(let location): .https(host: location.address.host, port: location.address.port, path: location.path)
      case .http(let location): .http(host: location.address.host, port: location.address.port, path: location.path)
      case .unix(let path, let httpPath): .unix(path: path, httpPath: httpPath)
      }
    var configuration = JSONRPCClientConfiguration(
      endpoint: endpoint, trust: trust, serverName: settings.tls?.serverName.map { OperatorName($0) } ?? ownName, pins: pins)
    if let calls { configuration.limits.connections = calls }
    return try JSONRPCClient(configuration, logger: logger, metrics: metrics)
  }

  /// The link to the own node, over which calls go out and pins are learned. Its first pin is the fingerprint of the proxy's own certificate.
  ///
  /// - Throws: `StartFailure` when a certificate cannot be used.
  public static func nodeLink(
    ownName: OperatorName, client settings: JSONRPCClientSettings, server: JSONRPCServerSettings, trust store: TrustStore, logger: Logger,
    metrics: MetricsRegistry, calls: Int? = nil
  ) throws(StartFailure) -> NodeLink {
    let client = try self.client(settings, ownName: ownName, pins: nil, trust: store, logger: logger, metrics: metrics, calls: calls)
    let own: TrustSource? = if let tls = server.tls ?? settings.tls { try trust(tls, ownName: ownName, in: store) } else { nil }
    return NodeLink(ownName: ownName, client: client, ownFingerprint: own?.current.identity?.fingerprint, logger: logger, metrics: metrics)
  }

  public static func listenAddress(_ address: BindAddress) -> ListenAddress {
    switch address {
    case .tcp(let host, let port): .tcp(host: host, port: port)
    case .unix(let path): .unix(path: path)
    }
  }

  private static func clientVerification(_ tls: TLSSettings) -> ClientVerification {
    if tls.verifyClient { return .required }
    return tls.requestClientCertificate ? .requested : .none
  }
}
