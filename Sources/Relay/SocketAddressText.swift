/// The address of a peer, for people: `192.0.2.7:52011`, `[2001:db8::1]:443`.
public struct SocketAddressText: Hashable, Sendable, CustomStringConvertible {
  /// The numeric address without brackets.
  public let host: String
  /// The port, 0 where there is none.
  public let port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  public var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
