import HyperModel
import Limits
import Operations
import Relay
import Synchronization

/// Whose notice is sent when private proxies are slower than clients come: one that does not answer keeps no other waiting, and of one
/// owner's names none keeps another waiting.
///
/// `state` is protected by its mutex.
final class NoticeTurns: Sendable {
  private struct State {
    var turns: FairTurns<OperatorName, String, StreamID>
    var waiting: [StreamID: WaitingClient] = [:]
  }

  private let state: Mutex<State>
  private let delayed: Counter
  private let underWay: Gauge
  private let waiting: Gauge

  /// - Parameter limit: notices without an answer at one time.
  init(limit: Int, metrics: MetricsRegistry) {
    state = Mutex(State(turns: FairTurns(ShareRule(limit: limit))))
    delayed = metrics.counter("hyper_notices_delayed_total", help: "Notices that waited for their turn (max_notices).")
    underWay = metrics.gauge("hyper_notices_under_way", help: "Notices without an answer.")
    waiting = metrics.gauge("hyper_notices_waiting", help: "Notices that wait for their turn.")
  }

  /// Whether it is a client's turn now; `finished` ends it.
  func begin(_ client: WaitingClient) -> Bool {
    let (isNow, taken, waits) = state.withLock { state in
      let isNow = state.turns.arrived(client.stream, of: client.holder, in: client.domain)
      if !isNow { state.waiting[client.stream] = client }
      return (isNow, state.turns.taken, state.waiting.count)
    }
    if isNow { underWay.set(Double(taken)) } else { delayed.increment() }
    waiting.set(Double(waits))
    return isNow
  }

  /// A client is gone.
  ///
  /// - Returns: whether it was still waiting for its turn, which will not come.
  func left(_ stream: StreamID) -> Bool {
    let waits = state.withLock { state -> Int? in
      guard state.waiting.removeValue(forKey: stream) != nil else { return nil }
      state.turns.left(stream)
      return state.waiting.count
    }
    if let waits { waiting.set(Double(waits)) }
    return waits != nil
  }

  /// A client's turn is over: who is next.
  func finished(_ client: WaitingClient) -> WaitingClient? {
    let (next, taken, waits) = state.withLock { state in
      let next = state.turns.finished(client.holder).flatMap { state.waiting.removeValue(forKey: $0) }
      return (next, state.turns.taken, state.waiting.count)
    }
    underWay.set(Double(taken))
    waiting.set(Double(waits))
    return next
  }
}
