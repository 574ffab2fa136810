import Logging
import Operations
import Synchronization
import Trust

/// Says in the log which messages of a peer were refused before anybody was asked: too large, unreadable, in a foreign name. At most some lines
/// a second for each peer. `sampler` is the only mutable state, behind its mutex.
final class CallRefusals: Sendable {
  private let logger: Logger
  private let sampler = Mutex(LineSampler())

  init(logger: Logger) {
    self.logger = logger
  }

  func note(_ peer: VerifiedPeer, at connection: VerifiedConnection, reason: String) {
    guard case .write(let swallowed) = sampler.withLock({ $0.admit(cause: peer.title, now: .now) }) else { return }
    var metadata: Logger.Metadata = [
      "peer": "\(peer.title)", "remote": "\(connection.remote)", "reason": "\(shortenedMessage(reason))",
    ]
    if swallowed > 0 { metadata["swallowed"] = "\(swallowed)" }
    logger.notice("call refused", metadata: metadata)
  }
}
