public import NIOSSL
import Synchronization

/// The TLS context for new connections, made anew when the credentials changed: making one costs more than a handshake may.
///
/// `cached` is the only mutable state, behind its mutex.
public final class TLSContextCache: Sendable {
  private struct Cached {
    var version: UInt64
    var context: NIOSSLContext
  }

  private let trust: TrustSource
  private let configuration: @Sendable (Credentials) throws -> TLSConfiguration
  private let cached = Mutex<Cached?>(nil)

  /// - Parameter configuration: makes the settings of a context from credentials.
  public init(trust: TrustSource, configuration: @escaping @Sendable (Credentials) throws -> TLSConfiguration) {
    self.trust = trust
    self.configuration = configuration
  }

  /// The context for the credentials in force.
  ///
  /// - Throws: `TrustError` or NIOSSL's error when they make none.
  public func context() throws -> NIOSSLContext {
    let (credentials, version) = trust.versioned
    if let known = cached.withLock({ $0 }), known.version == version { return known.context }
    let context = try NIOSSLContext(configuration: try configuration(credentials))
    cached.withLock { $0 = Cached(version: version, context: context) }
    return context
  }
}
