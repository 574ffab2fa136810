import Synchronization

/// The credentials in force, which may be replaced while the program runs.
///
/// Handshakes ask for `current`; connections that are open keep what they began with. `state` is the only mutable state, behind its mutex.
public final class TrustSource: Sendable {
  private struct State {
    var credentials: Credentials
    var version: UInt64 = 1
  }

  private let state: Mutex<State>

  public init(_ credentials: Credentials) {
    state = Mutex(State(credentials: credentials))
  }

  /// What new handshakes use.
  public var current: Credentials { state.withLock { $0.credentials } }

  /// A number that grows with every replacement.
  public var version: UInt64 { state.withLock { $0.version } }

  /// Both, of one moment.
  public var versioned: (credentials: Credentials, version: UInt64) { state.withLock { ($0.credentials, $0.version) } }

  /// Puts new credentials in force. Load them first: a file that is wrong then leaves the old ones in force.
  public func replace(with credentials: Credentials) {
    state.withLock { state in
      state.credentials = credentials
      state.version += 1
    }
  }
}
