/// Where a connection goes to.
public enum DialTarget: Hashable, Sendable {
  /// A host name or a numeric address, and a port. Names are resolved off the loops; each address is tried in turn.
  case host(String, port: Int)
  /// A Unix stream socket. A path over 107 bytes cannot be dialled; that is reported like any other failure to connect.
  case unix(path: String)
}

extension DialTarget: CustomStringConvertible {
  public var description: String {
    switch self {
    case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}
