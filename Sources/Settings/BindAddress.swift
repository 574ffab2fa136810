/// Where a server listens.
public enum BindAddress: Hashable, Sendable {
  /// Port 0 lets the kernel choose.
  case tcp(host: String, port: Int)
  /// A Unix socket; the path is relative to the working directory or absolute, at most `longestPath` bytes.
  case unix(path: String)

  /// `sockaddr_un.sun_path` has 108 bytes on Linux, the last one is the terminating zero.
  public static let longestPath = 107
}

extension BindAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tcp(let host, let port): HostPort(host: host, port: port).description
    case .unix(let path): "unix:\(path)"
    }
  }
}

extension BindAddress {
  /// Reads `host:port`, `[v6]:port`, `:port` (every IPv4 interface) or `unix:PATH`.
  init(parsing text: String) throws(TextMismatch) {
    if let path = try socketPath(text) {
      self = .unix(path: path)
    } else {
      self = try .tcp(parsing: text)
    }
  }

  /// Reads a TCP address only, for listeners that cannot be Unix sockets.
  static func tcp(parsing text: String) throws(TextMismatch) -> BindAddress {
    if text.hasPrefix("unix:") { throw TextMismatch("a TCP address, host:port") }
    if text.hasPrefix(":") { return .tcp(host: "0.0.0.0", port: try HostPort.port(text.dropFirst(), in: 0...65535)) }
    let address = try HostPort(parsing: text, ports: 0...65535)
    return .tcp(host: address.host, port: address.port)
  }
}

/// The path of `unix:PATH`; nil when the text does not start that way.
func socketPath(_ text: String) throws(TextMismatch) -> String? {
  guard text.hasPrefix("unix:") else { return nil }
  let path = String(text.dropFirst("unix:".count))
  guard !path.isEmpty, !path.hasSuffix("/"), !path.utf8.contains(0) else { throw TextMismatch("unix: followed by the path of a socket") }
  guard path.utf8.count <= BindAddress.longestPath else {
    throw TextMismatch(
      "a socket path of at most \(BindAddress.longestPath) bytes (this one has \(path.utf8.count))",
      hint: "the kernel takes no longer one; a path relative to the working directory is shorter")
  }
  return path
}
