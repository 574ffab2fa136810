import Relay
import Synchronization

/// What happens to a client for whom several can come.
enum HandoverEvent: Sendable {
  case failed(Int, NoticeFailure)
  case silent(Int)
  /// Somebody has taken it, or it is gone.
  case settled
}

/// Brings what the relay says about streams to those who see to their hand-over, who may come later than that.
///
/// `clients` is protected by its mutex; streams are told outside it. An entry lives from the hello until its client has been served, or has left
/// without it.
final class HandoversUnderWay: Sendable {
  private enum Client {
    /// Nobody listens yet. To: `settled`, `told`.
    case expected
    case told(AsyncStream<HandoverEvent>.Continuation)
    /// Nothing is to be done for it any more.
    case settled
  }

  private let clients = Mutex<[StreamID: Client]>([:])

  /// How many clients there are, for tests.
  var count: Int { clients.withLock { $0.count } }

  /// A hello has come whose client is to be handed over. To be called before anything else is heard of the stream.
  func expect(_ stream: StreamID) {
    clients.withLock { $0[stream] = .expected }
  }

  /// Whether the stream is not settled yet.
  func isExpected(_ stream: StreamID) -> Bool {
    clients.withLock { if case .expected? = $0[stream] { true } else { false } }
  }

  /// Tells of the stream from now on, and at once if it is settled already.
  func tell(_ event: AsyncStream<HandoverEvent>.Continuation, of stream: StreamID) {
    let isSettled = clients.withLock { clients in
      guard case .expected? = clients[stream] else { return true }
      clients[stream] = .told(event)
      return false
    }
    if isSettled { event.yield(.settled) }
  }

  /// The stream is being relayed, or has ended.
  func settled(_ stream: StreamID) {
    let event = clients.withLock { clients -> AsyncStream<HandoverEvent>.Continuation? in
      guard let client = clients[stream] else { return nil }
      clients[stream] = .settled
      guard case .told(let event) = client else { return nil }
      return event
    }
    event?.yield(.settled)
  }

  /// Nobody sees to the stream any more.
  func forget(_ stream: StreamID) {
    _ = clients.withLock { $0.removeValue(forKey: stream) }
  }
}
