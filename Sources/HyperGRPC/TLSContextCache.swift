import NIOCore
import NIOSSL
import Trust

extension TLSContextCache {
  /// How long a closed connection waits for the peer's close_notify: it says nothing that we need.
  static let shutdownTime: Duration = .milliseconds(400)
  /// What gRPC peers ask for; peers that ask for nothing are taken too (PROTOCOL.md 4.1).
  static let protocols = ["h2"]

  static func server(_ trust: TrustSource) -> TLSContextCache {
    TLSContextCache(trust: trust) { try $0.serverConfiguration(verifyClient: .required, alpn: protocols).endingSoon }
  }

  static func client(_ trust: TrustSource) -> TLSContextCache {
    TLSContextCache(trust: trust) { $0.clientConfiguration(alpn: protocols).endingSoon }
  }
}

extension TLSConfiguration {
  fileprivate var endingSoon: TLSConfiguration {
    var configuration = self
    configuration.shutdownTimeout = TimeAmount(TLSContextCache.shutdownTime)
    return configuration
  }
}
