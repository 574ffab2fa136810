import NIOCore
import Synchronization

/// The attempts of one dial: a host with several addresses has several at the same time, of which the first that connects counts (RFC 8305).
///
/// `attempts` is protected by its mutex.
final class DialAttempts: Sendable {
  private let attempts = Mutex<[ObjectIdentifier: DialProgress]>([:])

  /// A channel comes into being.
  func began(_ channel: any NIOCore.Channel, until deadline: NIODeadline) -> DialProgress {
    let progress = DialProgress(eventLoop: channel.eventLoop, until: deadline)
    progress.opened(channel)
    attempts.withLock { $0[ObjectIdentifier(channel)] = progress }
    return progress
  }

  func progress(of channel: any NIOCore.Channel) -> DialProgress? { attempts.withLock { $0[ObjectIdentifier(channel)] } }

  /// No attempt is of any use any more; those that have come to something are not touched.
  func end(_ failure: DialFailure) {
    for progress in attempts.withLock({ Array($0.values) }) { progress.settle(.failure(failure)) }
  }
}
