import Glibc
import NIOCore

/// When TCP itself gives a connection up whose other end does not answer, so that both ends of a network that was cut notice it and dial anew
/// as soon as it is back. Without it the end that has sent something waits for its next retransmission, which doubles up to two minutes, and the
/// other end for its next PING.
///
/// Probes of TCP are invisible to HTTP/2: they are no PINGs that a peer could object to.
public struct TCPProbing: Hashable, Sendable {
  /// Silence before the first probe, in whole seconds. With `giveUp`: a silent connection is given up 15 s after the last sign of life.
  public var after: Duration = .seconds(10)
  /// Between probes, in whole seconds.
  public var every: Duration = .seconds(5)
  /// How long what was sent, or a probe, may stay unanswered (RFC 5482, TCP_USER_TIMEOUT), in whole milliseconds. Longer than what a mobile link
  /// loses at a hand-over; a connection given up too early costs one handshake.
  public var giveUp: Duration = .seconds(15)

  public init() {}

  typealias Option = (ChannelOptions.Types.SocketOption, ChannelOptions.Types.SocketOption.Value)

  /// For the bootstrap of either end.
  var options: [Option] {
    func tcp(_ name: Int32, _ value: Int64) -> Option {
      (ChannelOptions.Types.SocketOption(level: .tcp, name: NIOBSDSocket.Option(rawValue: name)), .init(clamping: value))
    }
    return [
      (ChannelOptions.Types.SocketOption(level: .socket, name: .so_keepalive), 1),
      tcp(TCP_KEEPIDLE, after.components.seconds), tcp(TCP_KEEPINTVL, every.components.seconds),
      // More than fit into `giveUp`, which decides.
      tcp(TCP_KEEPCNT, 10), tcp(TCP_USER_TIMEOUT, giveUp.components.seconds * 1000),
    ]
  }
}
