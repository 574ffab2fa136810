/// The address of a peer, for people: `192.0.2.7:52011`, `[2001:db8::1]:443`. Turned into text only when somebody asks.
public struct SocketAddressText: Hashable, Sendable, CustomStringConvertible {
  private enum Source: Hashable, Sendable {
    case text(host: String, port: Int)
    case peer(PeerAddress)
  }

  private let source: Source

  public init(host: String, port: Int) {
    source = .text(host: host, port: port)
  }

  /// Nil where there was no peer.
  init?(_ peer: PeerAddress) {
    guard peer.family != .none else { return nil }
    source = .peer(peer)
  }

  /// The numeric address without brackets.
  public var host: String {
    switch source {
    case .text(let host, _): host
    case .peer(let peer): peer.host
    }
  }

  /// The port, 0 where there is none.
  public var port: Int {
    switch source {
    case .text(_, let port): port
    case .peer(let peer): Int(peer.port)
    }
  }

  public static func == (left: SocketAddressText, right: SocketAddressText) -> Bool {
    left.port == right.port && left.host == right.host
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(host)
    hasher.combine(port)
  }

  public var description: String {
    let host = host
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
