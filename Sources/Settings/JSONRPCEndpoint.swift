/// Where a JSON-RPC client sends its calls.
public enum JSONRPCEndpoint: Hashable, Sendable {
  case https(HTTPLocation)
  case http(HTTPLocation)
  /// HTTP over a Unix socket; the path of the request is a setting of its own.
  case unix(path: String, httpPath: String)
}

/// Host, port and path of an HTTP URL.
public struct HTTPLocation: Hashable, Sendable {
  public var address: HostPort
  /// Starts with a slash; a query is part of it.
  public var path: String

  public init(address: HostPort, path: String) {
    self.address = address
    self.path = path
  }
}

extension JSONRPCEndpoint: CustomStringConvertible {
  /// The URL, or `unix:PATH`.
  public var description: String {
    switch self {
    case .https(let location): "https://\(location.address)\(location.path)"
    case .http(let location): "http://\(location.address)\(location.path)"
    case .unix(let path, _): "unix:\(path)"
    }
  }
}

extension JSONRPCEndpoint {
  /// Reads `https://host[:port][/path]`, `http://…` or `unix:PATH`; `httpPath` is used with the last one.
  init(parsing text: String, httpPath: String) throws(TextMismatch) {
    if let path = try socketPath(text) {
      self = .unix(path: path, httpPath: httpPath)
    } else if let rest = text.dropping(prefix: "https://") {
      self = .https(try HTTPLocation(parsing: rest, defaultPort: 443))
    } else if let rest = text.dropping(prefix: "http://") {
      self = .http(try HTTPLocation(parsing: rest, defaultPort: 80))
    } else {
      throw TextMismatch("https://HOST:PORT/PATH, http://HOST:PORT/PATH or unix:PATH")
    }
  }
}

extension HTTPLocation {
  fileprivate init(parsing text: Substring, defaultPort: Int) throws(TextMismatch) {
    let slash = text.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? text.endIndex
    let authority = text[..<slash]
    let path = text[slash...].isEmpty ? "/" : String(text[slash...])
    guard path.hasPrefix("/"), path.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
      throw TextMismatch("a URL whose path starts with / and has neither spaces nor a fragment")
    }
    guard !authority.contains("@") else { throw TextMismatch("a URL without user name and password") }
    let hasPort = authority.last != "]" && authority.contains(":")
    self.init(address: try HostPort(parsing: hasPort ? String(authority) : "\(authority):\(defaultPort)"), path: path)
  }
}

extension String {
  fileprivate func dropping(prefix: String) -> Substring? {
    hasPrefix(prefix) ? dropFirst(prefix.count) : nil
  }
}
