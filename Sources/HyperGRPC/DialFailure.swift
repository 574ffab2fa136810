import NIOCore
import NIOPosix
import Operations
import Trust

/// Why there is no connection to a peer.
struct DialFailure: Error, Hashable, Sendable {
  var kind: Backoff.FailureKind
  /// Lower case, no full stop.
  var message: String
  var hint: String?

  init(_ kind: Backoff.FailureKind, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.message = message
    self.hint = hint
  }

  init(_ refusal: PeerRefusal) {
    self.init(.refused, shortenedMessage(refusal.message), hint: refusal.hint)
  }

  /// What a failed TCP connect means.
  init(connecting address: PeerAddress, _ error: any Error) {
    let reason: String
    switch error {
    case let error as NIOConnectionError:
      let causes = error.connectionErrors.map { "\($0.error)" }
      let resolving = [error.dnsAError, error.dnsAAAAError].compactMap { $0.map { "\($0)" } }
      reason = (causes.first ?? resolving.first) ?? "no address found"
    case ChannelError.connectTimeout: reason = "no answer in time"
    default: reason = "\(error)"
    }
    self.init(.unreachable, "cannot connect to \(address): \(reason)")
  }
}
