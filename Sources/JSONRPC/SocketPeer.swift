import Glibc
import NIOCore

/// Who is at the other end of a connected Unix socket, as the kernel recorded it when the peer connected (SO_PEERCRED, unix(7)).
///
/// The same three members as `struct ucred`, which Glibc's module does not show; the kernel fills exactly these 12 bytes.
struct SocketPeer: Sendable, Hashable {
  var pid: Int32
  var uid: UInt32
  var gid: UInt32

  /// - Throws: when the channel is no socket or the kernel refuses.
  static func of(_ channel: any NIOCore.Channel) async throws -> SocketPeer {
    guard let provider = channel as? any SocketOptionProvider else { throw ChannelError.operationUnsupported }
    return try await provider.unsafeGetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED)).get()
  }
}
