import NIOCore
import NIOSSL
import Synchronization
import Trust

/// The TLS context for new connections, made anew when the credentials changed: making one costs more than a handshake may.
///
/// `cached` is the only mutable state, behind its mutex.
final class TLSContextCache: Sendable {
  private struct Cached {
    var chain: [NIOSSLCertificate]
    var roots: [NIOSSLCertificate]
    var context: NIOSSLContext
  }

  /// How long a closed connection waits for the peer's close_notify: it says nothing that we need.
  static let shutdownTime: Duration = .milliseconds(400)
  /// What gRPC peers ask for; peers that ask for nothing are taken too (PROTOCOL.md 4.1).
  static let protocols = ["h2"]

  private let trust: TrustSource
  private let configuration: @Sendable (Credentials) throws -> TLSConfiguration
  private let cached = Mutex<Cached?>(nil)

  init(trust: TrustSource, configuration: @escaping @Sendable (Credentials) throws -> TLSConfiguration) {
    self.trust = trust
    self.configuration = configuration
  }

  static func server(_ trust: TrustSource) -> TLSContextCache {
    TLSContextCache(trust: trust) { try $0.serverConfiguration(verifyClient: .required, alpn: protocols) }
  }

  static func client(_ trust: TrustSource) -> TLSContextCache {
    TLSContextCache(trust: trust) { $0.clientConfiguration(alpn: protocols) }
  }

  /// - Throws: `TrustError` or NIOSSL's error when the credentials make no context.
  func context() throws -> NIOSSLContext {
    let credentials = trust.current
    if let known = cached.withLock({ $0 }), known.chain == credentials.chain, known.roots == credentials.roots { return known.context }
    var tls = try configuration(credentials)
    tls.shutdownTimeout = TimeAmount(Self.shutdownTime)
    let context = try NIOSSLContext(configuration: tls)
    cached.withLock { $0 = Cached(chain: credentials.chain, roots: credentials.roots, context: context) }
    return context
  }
}
