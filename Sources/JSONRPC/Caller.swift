import HyperModel
public import Trust

/// Who sent a request, as far as the connection proves it.
public enum Caller: Sendable, Hashable {
  /// A client certificate that passed every check: chain, validity and, where pins are configured, the directory's fingerprint.
  case certificate(PeerIdentity)
  /// A process of this user at the other end of our Unix socket.
  case localUser(uid: UInt32)
  /// Nobody was asked: plain HTTP over TCP, or TLS without client certificates.
  case anonymous
}

extension Caller: CustomStringConvertible {
  public var description: String {
    switch self {
    case .certificate(let identity):
      "certificate of " + (identity.names.isEmpty ? "nobody" : identity.names.map(\.text).joined(separator: ", "))
    case .localUser(let uid): "local user \(uid)"
    case .anonymous: "anonymous"
    }
  }
}
