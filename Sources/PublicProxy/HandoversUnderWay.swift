import Relay
import Synchronization

/// What happens to a client for whom several can come.
enum HandoverEvent: Sendable {
  case failed(Int, NoticeFailure)
  case silent(Int)
  /// Somebody has taken it, or it is gone.
  case settled
}

/// Brings what the relay says about streams to those who see to their hand-over.
///
/// `waiting` is protected by its mutex; streams are told outside it. An entry lives as long as its hand-over.
final class HandoversUnderWay: Sendable {
  private let waiting = Mutex<[StreamID: AsyncStream<HandoverEvent>.Continuation]>([:])

  func begin(_ stream: StreamID, _ event: AsyncStream<HandoverEvent>.Continuation) {
    waiting.withLock { $0[stream] = event }
  }

  func end(_ stream: StreamID) {
    _ = waiting.withLock { $0.removeValue(forKey: stream) }
  }

  /// The stream is being relayed, or has ended.
  func settled(_ stream: StreamID) {
    waiting.withLock { $0.isEmpty ? nil : $0[stream] }?.yield(.settled)
  }
}
