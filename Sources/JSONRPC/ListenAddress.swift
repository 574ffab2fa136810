/// Where a server listens: a TCP port or a Unix socket.
public enum ListenAddress: Sendable, Hashable {
  /// Port 0 lets the system choose; `bind()` returns the port it chose. `localhost` is both loopback addresses (see `HTTPServer`).
  case tcp(host: String, port: Int)
  case unix(path: String)
}

extension ListenAddress: CustomStringConvertible {
  /// The form of the settings: `host:port`, `[address]:port`, `unix:PATH`.
  public var description: String {
    switch self {
    case .tcp(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// Reads the form of the settings.
  ///
  /// - Returns: nil when the text is neither `unix:PATH` nor `HOST:PORT` with a port of 0 to 65535.
  public init?(_ text: String) {
    if text.utf8.starts(with: "unix:".utf8) {
      let path = String(text.dropFirst("unix:".count))
      guard !path.isEmpty else { return nil }
      self = .unix(path: path)
      return
    }
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    let host = String(text[..<colon])
    let digits = text[text.index(after: colon)...]
    guard !host.isEmpty, !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else {
      return nil
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      self = .tcp(host: String(host.dropFirst().dropLast()), port: Int(port))
      return
    }
    // An IPv6 address without brackets could mean two things.
    guard !host.utf8.contains(UInt8(ascii: ":")) else { return nil }
    self = .tcp(host: host, port: Int(port))
  }
}
