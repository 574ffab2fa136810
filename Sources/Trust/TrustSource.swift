import Synchronization

/// The credentials in force, which may be replaced while the program runs.
///
/// Handshakes ask for `current`; connections that are open keep what they began with. `state` is the only mutable state, behind its mutex.
public final class TrustSource: Sendable {
  private let state: Mutex<Credentials>

  public init(_ credentials: Credentials) {
    state = Mutex(credentials)
  }

  /// What new handshakes use.
  public var current: Credentials { state.withLock { $0 } }

  /// Puts new credentials in force. Load them first: a file that is wrong then leaves the old ones in force.
  public func replace(with credentials: Credentials) {
    state.withLock { $0 = credentials }
  }
}
