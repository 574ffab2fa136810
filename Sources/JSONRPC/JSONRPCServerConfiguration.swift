public import Operations
public import Trust

/// What a JSON-RPC server listens on and whom it lets in (PROTOCOL.md 3.3, DESIGN.md 4).
public struct JSONRPCServerConfiguration: Sendable {
  /// What stands in log lines and metric labels.
  public var name: String
  public var address: ListenAddress
  /// The one path that is answered; compared byte for byte.
  public var path: String
  /// Our certificate and the authorities of clients. Not used on a Unix socket.
  public var trust: TrustSource?
  public var clientVerification: ClientVerification
  /// The directory's fingerprints; nil lets any certificate under the roots in.
  public var pins: Pins?
  /// Allows plain HTTP over TCP, to anybody who reaches the port.
  public var insecure: Bool
  /// For a Unix socket.
  public var unixAccess: UnixAccess
  public var limits: HTTPServerLimits
  public var calls: RPCLimits
  /// Whether a request without an `id` member is a notification, which gets no answer (JSON-RPC 2.0, 4.1). Existing callers leave the id
  /// out, or send an empty one, and wait for the answer, so this has to be asked for.
  public var strictNotifications: Bool
  /// Which web pages may call; nil leaves everything about origins out.
  public var cors: CORSPolicy?
  /// How many connections a source may open in each window. Not used on a Unix socket.
  public var rates: [ConnectionRate]

  public init(
    name: String, address: ListenAddress, path: String = "/jsonrpc", trust: TrustSource? = nil,
    clientVerification: ClientVerification = .required, pins: Pins? = nil, insecure: Bool = false,
    unixAccess: UnixAccess = UnixAccess(), limits: HTTPServerLimits = HTTPServerLimits(),
    calls: RPCLimits = RPCLimits(), strictNotifications: Bool = false, cors: CORSPolicy? = nil, rates: [ConnectionRate] = []
  ) {
    self.name = name
    self.address = address
    self.path = path
    self.trust = trust
    self.clientVerification = clientVerification
    self.pins = pins
    self.insecure = insecure
    self.unixAccess = unixAccess
    self.limits = limits
    self.calls = calls
    self.strictNotifications = strictNotifications
    self.cors = cors
    self.rates = rates
  }
}
