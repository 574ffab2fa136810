import Glibc
import NIOCore

/// A listening socket that answers nobody: its queue is full, so the kernel drops what else comes.
struct SilentPort {
  private let descriptors: [Int32]

  init(at host: String, _ port: Int) throws {
    let address = try SocketAddress(ipAddress: host, port: port)
    // The queue has one place more than it says; the second one that connects gets no answer any more.
    descriptors = (0..<3).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0) }
    let listener = descriptors[0]
    guard address.withSockAddr({ bind(listener, $0, socklen_t($1)) }) == 0, listen(listener, 0) == 0 else {
      close()
      throw ChannelError.ioOnClosedChannel
    }
    for blocker in descriptors.dropFirst() { _ = address.withSockAddr { connect(blocker, $0, socklen_t($1)) } }
  }

  func close() { for descriptor in descriptors where descriptor >= 0 { Glibc.close(descriptor) } }
}
