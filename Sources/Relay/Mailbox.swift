import CLinux
import Glibc
import Synchronization

/// The only way into a loop: bounded, from any thread, with an eventfd that wakes the loop.
///
/// Mutable state: the queue and whether it is closed, under one mutex that is held for an append or a swap. Orders own what
/// they carry; those that are never carried out are disposed of here.
final class Mailbox: Sendable {
  private struct State {
    var orders: [Order] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let limit: Int
  private let wake: Descriptor

  /// Nil when no descriptor can be had.
  init?(limit: Int) {
    guard let wake = Descriptor(owning: hyper_eventfd()) else { return nil }
    self.wake = wake
    self.limit = limit
  }

  /// The descriptor that becomes readable when an order arrives.
  var wakeNumber: Int32 { wake.number }

  /// False when the mailbox is full or its loop has ended; the order is disposed of. Full is it for orders about streams only.
  @discardableResult
  func post(_ order: Order) -> Bool {
    enum Outcome { case first, behindOthers, refused }
    let outcome: Outcome = state.withLock { state in
      guard !state.isClosed, state.orders.count < limit || order.isForTheLoop else { return .refused }
      state.orders.append(order)
      return state.orders.count == 1 ? .first : .behindOthers
    }
    switch outcome {
    case .first: _ = hyper_eventfd_signal(wake.number)
    case .behindOthers: break
    case .refused: Self.dispose(of: order)
    }
    return outcome != .refused
  }

  /// All orders that have come, in their sequence. The array given is taken in exchange, for its memory.
  func take(into orders: inout [Order]) {
    orders.removeAll(keepingCapacity: true)
    _ = hyper_eventfd_clear(wake.number)
    state.withLock { state in swap(&state.orders, &orders) }
  }

  /// Refuses everything from now on.
  ///
  /// - Returns: the streams that were ordered and will not be begun.
  func close() -> [StreamID] {
    let left = state.withLock { state in
      state.isClosed = true
      defer { state.orders = [] }
      return state.orders
    }
    for order in left { Self.dispose(of: order) }
    return left.compactMap { if case .join(let stream, _, _, _) = $0 { stream } else { nil } }
  }

  private static func dispose(of order: Order) {
    if case .present(let descriptor, _) = order { Glibc.close(descriptor) }
  }
}
