/// A `jsonrpc_server` map (PROTOCOL.md 3.3, and our additions for Unix sockets).
public struct JSONRPCServerSettings: Hashable, Sendable {
  /// `bind_address`, required: `host:port` or `unix:PATH`.
  public var bindAddress: BindAddress
  /// `path`, default `/jsonrpc`: taken literally.
  public var path: String
  /// `tls`: required over TCP unless `insecure`; refused over a Unix socket.
  public var tls: TLSSettings?
  /// `tcp_rate_limits`, default none: connections per source address and window.
  public var tcpRateLimits: [RateLimit]
  /// `cors`, default none.
  public var cors: CORSSettings?
  /// `strict_notifications`, default false: a request without an `id` member gets no answer, as JSON-RPC 2.0 says.
  public var strictNotifications: Bool
  /// `limits`, default all defaults.
  public var limits: JSONRPCLimits
  /// `insecure`, default false: allows plain HTTP over TCP, where nobody knows who is calling.
  public var insecure: Bool
  /// `allowed_uids`, default none: users besides our own who may call over the Unix socket.
  public var allowedUIDs: Set<UInt32>
  /// `socket_mode`, default 0600: permission bits of the Unix socket, written in octal.
  public var socketMode: UInt16
  /// `socket_group`: group of the Unix socket, by name or number. Default: that of the process.
  public var socketGroup: String?

  public static let defaultPath = "/jsonrpc"
  public static let defaultSocketMode: UInt16 = 0o600

  public init(
    bindAddress: BindAddress, path: String = defaultPath, tls: TLSSettings? = nil, tcpRateLimits: [RateLimit] = [],
    cors: CORSSettings? = nil, insecure: Bool = false, allowedUIDs: Set<UInt32> = [], socketMode: UInt16 = defaultSocketMode,
    socketGroup: String? = nil, strictNotifications: Bool = false, limits: JSONRPCLimits = JSONRPCLimits()
  ) {
    self.bindAddress = bindAddress
    self.path = path
    self.tls = tls
    self.tcpRateLimits = tcpRateLimits
    self.cors = cors
    self.strictNotifications = strictNotifications
    self.limits = limits
    self.insecure = insecure
    self.allowedUIDs = allowedUIDs
    self.socketMode = socketMode
    self.socketGroup = socketGroup
  }
}

extension JSONRPCServerSettings {
  init(_ section: Section) {
    self.init(
      bindAddress: section.required("bind_address", placeholder: .tcp(host: "", port: 0), BindAddress.init(parsing:)),
      path: section.text("path", default: Self.defaultPath, httpPath),
      tls: section.section("tls").map { TLSSettings($0, for: .jsonrpcServer) },
      tcpRateLimits: RateLimit.list(section),
      cors: section.section("cors").map(CORSSettings.init),
      insecure: section.bool("insecure", default: false),
      allowedUIDs: Set(section.integers("allowed_uids", in: 0...Int64(UInt32.max) - 1).map(UInt32.init(clamping:))),
      socketMode: section.socketMode("socket_mode", default: Self.defaultSocketMode),
      socketGroup: section.nameOrNumber("socket_group"),
      strictNotifications: section.bool("strict_notifications", default: false),
      limits: section.section("limits").map(JSONRPCLimits.init) ?? JSONRPCLimits())
    checkTransport(section)
    section.finish()
  }

  /// Who may call is decided by certificates over TCP and by user ids over a Unix socket (DESIGN.md 4): a key that would
  /// have no effect on that is refused, because whoever wrote it relies on it.
  private func checkTransport(_ section: Section) {
    switch bindAddress {
    case .tcp(host: "", port: 0):
      break  // The placeholder of an address that could not be read: nothing follows from it.
    case .tcp:
      if tls == nil, !insecure {
        section.fail(
          "tls", "expected a map, because plain HTTP over TCP lets anybody call; found nothing",
          hint: "add tls, use bind_address: unix:PATH, or set insecure: true")
      }
      if tls != nil, insecure {
        section.fail("insecure", "expected false, because tls is set; found true", hint: "remove one of the two")
      }
      for key in ["allowed_uids", "socket_mode", "socket_group"] where section.has(key) {
        section.fail(key, "only possible with bind_address: unix:PATH")
      }
    case .unix:
      for key in ["tls", "insecure", "tcp_rate_limits"] where section.has(key) {
        section.fail(key, "only possible with a TCP bind_address", hint: "over a Unix socket the caller's user id decides")
      }
    }
  }
}

/// A literal HTTP path.
func httpPath(_ text: String) throws(TextMismatch) -> String {
  let allowed = text.utf8.allSatisfy { byte in
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "/-._~%:@!&',;=+".utf8.contains(byte)
    }
  }
  guard text.hasPrefix("/"), allowed else {
    throw TextMismatch("a literal path starting with /", hint: "regular expressions are not supported here")
  }
  return text
}
