/// Where a connection goes to: a server of our own side.
public enum DialAddress: Hashable, Sendable {
  case tcp(HostPort)
  /// A Unix stream socket; the path is relative to the working directory or absolute, at most `BindAddress.longestPath` bytes.
  case unix(path: String)
}

extension DialAddress: CustomStringConvertible {
  /// The form of the settings: `host:port`, `[v6]:port`, `unix:PATH`.
  public var description: String {
    switch self {
    case .tcp(let address): address.description
    case .unix(let path): "unix:\(path)"
    }
  }
}

extension DialAddress {
  /// Reads `host:port`, `[v6]:port` or `unix:PATH`.
  init(parsing text: String) throws(TextMismatch) {
    if let path = try socketPath(text) {
      self = .unix(path: path)
    } else {
      self = .tcp(try HostPort(parsing: text))
    }
  }
}
