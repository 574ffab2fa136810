import NIOCore
import NIOPosix
import Relay

/// Whether a server takes connections.
struct ServerProbe: Sendable {
  /// As `relay.dial_from`: what the servers may let through and nothing else.
  let dialFrom: [String]

  /// Connects and closes at once. Nil when that worked, otherwise what was found.
  func failure(of target: DialTarget, within limit: Duration) async -> String? {
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(TimeAmount(limit))
    do {
      switch target {
      case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path).get().close()
      case .host(let host, let port): try await connect(bootstrap, host: host, port: port)
      }
      return nil
    } catch {
      return Self.words(error)
    }
  }

  /// From each address in turn, since only one of them is of the family that the server has.
  private func connect(_ bootstrap: ClientBootstrap, host: String, port: Int) async throws {
    guard !dialFrom.isEmpty else { return try await bootstrap.connect(host: host, port: port).get().close() }
    var failure: (any Error)?
    for address in dialFrom {
      do {
        let source = try SocketAddress(ipAddress: address, port: 0)
        return try await bootstrap.bind(to: source).connect(host: host, port: port).get().close()
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  private static func words(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      error.connectionErrors.first.map { "\($0.error)" } ?? "no address of \(error.host) answers"
    case ChannelError.connectTimeout: "no answer in time"
    default: "\(error)"
    }
  }
}
