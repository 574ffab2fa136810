import Logging
import Operations
import Synchronization
import Trust

/// Lines that a peer can cause as often as it likes: some a second of each kind for each peer, then only their number. `sampler` is the only
/// mutable state, behind its mutex.
final class PeerLog: Sendable {
  private let logger: Logger
  private let sampler = Mutex(LineSampler())

  init(logger: Logger) {
    self.logger = logger
  }

  func note(_ level: Logger.Level, _ message: Logger.Message, peer: String, _ more: Logger.Metadata = [:]) {
    guard logger.logLevel <= level else { return }
    guard case .write(let swallowed) = sampler.withLock({ $0.admit(cause: "\(message) \(peer)", now: .now) }) else { return }
    var metadata = more.merging(["peer": "\(peer)"]) { $1 }
    if swallowed > 0 { metadata["swallowed"] = "\(swallowed)" }
    logger.log(level: level, message, metadata: metadata)
  }

  /// A message was refused before anybody was asked: too large, unreadable, in a foreign name.
  func callRefused(_ peer: VerifiedPeer, at connection: VerifiedConnection, reason: String) {
    note(.notice, "call refused", peer: peer.title, ["remote": "\(connection.remote)", "reason": "\(shortenedMessage(reason))"])
  }
}
