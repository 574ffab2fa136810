import GRPCCore
import HyperModel
import NIOCore
import Operations
import Synchronization

/// One peer's `ServerCall` stream at the server: requests go out, answers come back (PROTOCOL.md 7.3).
///
/// The driver of ``ServerCallQueue``. `state` is the only mutable state, behind its mutex; continuations are resumed and messages handed
/// over after it is released. The stream's handler consumes `outgoing` and reports what it reads.
final class ServerCallStream: Sendable {
  typealias Ticket = ServerCallQueue.Ticket
  typealias Answer = Result<WireMessage, Refusal>

  let peer: OperatorName
  /// Which of the peer's nodes; nil when it does not say.
  let node: String?
  /// A sign that there are requests to write (`nextUnsent`); ends when the stream shall end.
  let outgoing: AsyncStream<Void>
  /// Raised when the stream shall end, for a writer that waits for room and sees no sign.
  let ended = Flag()

  /// Why there is no answer.
  struct Refusal: Error, Hashable {
    var failure: CallFailure
    /// The peer has not seen the request, so it may be sent over another stream.
    var isUnsent = false
  }

  private struct Call {
    var message: WireMessage
    var continuation: CheckedContinuation<Answer, Never>
    var watch: DeadlineClock.Ticket
  }

  private struct State {
    var queue: ServerCallQueue
    var calls: [Ticket: Call] = [:]
    /// Sent as far as the queue is concerned, and not written yet: at most as many as may be out at once.
    var unsent: [(ticket: Ticket, message: WireMessage)] = []
    var lastTicket: Ticket = 0
    var end: RPCError?
  }

  private let state: Mutex<State>
  private let outgoingContinuation: AsyncStream<Void>.Continuation
  private let eventLoop: any EventLoop
  private let clock = DeadlineClock()
  private let overdueTime: TimeAmount

  init(
    peer: OperatorName, node: String? = nil, order: ServerCallQueue.Order, limits: GRPCLimits, eventLoop: any EventLoop
  ) {
    self.peer = peer
    self.node = node
    self.eventLoop = eventLoop
    overdueTime = TimeAmount(limits.overdueTime)
    state = Mutex(State(queue: ServerCallQueue(order: order, waitingLimit: limits.queuedCalls)))
    (outgoing, outgoingContinuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Why the stream ended; nil while it has not.
  var endReason: RPCError? { state.withLock { $0.end } }

  /// The next request to write; nil when there is none now. A request whose caller has gone before it was written is none, unless its place is
  /// kept in order.
  func nextUnsent() -> WireMessage? {
    state.withLock { $0.unsent.isEmpty ? nil : $0.unsent.removeFirst().message }
  }

  /// Sends a request and waits for its answer, at most until the deadline and as long as the stream lives.
  func ask(_ message: WireMessage, id: String, deadline: ContinuousClock.Instant) async throws(Refusal) -> WireMessage {
    guard deadline > .now else { throw Refusal(failure: CallFailure("no time left to ask \(peer)")) }
    let ticket = state.withLock { state in
      state.lastTicket += 1
      return state.lastTicket
    }
    let answer: Answer = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let watch = clock.watch(until: deadline) { [weak self] in
          guard let self else { return }
          giveUp(ticket, CallFailure("\(peer) did not answer in time"))
        }
        submit(ticket, id: id, Call(message: message, continuation: continuation, watch: watch))
        // Both may have come before there was anything to give up.
        if Task.isCancelled { giveUp(ticket, CallFailure("the call was cancelled")) }
        if deadline <= .now { giveUp(ticket, CallFailure("\(peer) did not answer in time")) }
      }
    } onCancel: {
      giveUp(ticket, CallFailure("the call was cancelled"))
    }
    return try answer.get()
  }

  private func submit(_ ticket: Ticket, id: String, _ call: Call) {
    let (refusal, isDue) = state.withLock { state -> (Refusal?, Bool) in
      if let end = state.end {
        return (Refusal(failure: CallFailure("the stream to \(peer) ended: \(end.message)"), isUnsent: true), false)
      }
      switch state.queue.submitted(ticket, id: id) {
      case .send:
        state.calls[ticket] = call
        state.unsent.append((ticket, call.message))
        return (nil, true)
      case .wait:
        state.calls[ticket] = call
        return (nil, false)
      case .refuse(.full(let limit)): return (Refusal(failure: CallFailure("\(limit) calls wait for \(peer) already")), false)
      case .refuse(.duplicate):
        return (Refusal(failure: CallFailure("a call with id \(shortened(id)) is on its way to \(peer) already")), false)
      case .refuse(.retired): return (Refusal(failure: CallFailure("the stream to \(peer) is being replaced"), isUnsent: true), false)
      }
    }
    if let refusal { finish(call, .failure(refusal)) }
    if isDue { outgoingContinuation.yield() }
  }

  /// A message came; its id decides in matched order. Returns whether it answered something.
  func received(_ message: WireMessage, id: String) -> ServerCallQueue.Answer {
    let (answer, call) = state.withLock { state -> (ServerCallQueue.Answer, Call?) in
      let answer = state.queue.answered(id: id)
      guard case .answers(let ticket) = answer else { return (answer, nil) }
      return (answer, state.calls.removeValue(forKey: ticket))
    }
    if let call { finish(call, .success(message)) }
    sendNext()
    return answer
  }

  private func giveUp(_ ticket: Ticket, _ failure: CallFailure) {
    let (withdrawal, call) = state.withLock { state -> (ServerCallQueue.Withdrawal, Call?) in
      guard let call = state.calls.removeValue(forKey: ticket) else { return (.unknown, nil) }
      let withdrawal = state.queue.withdrawn(ticket)
      if withdrawal == .forgotten { state.unsent.removeAll { $0.ticket == ticket } }
      return (withdrawal, call)
    }
    if let call { finish(call, .failure(Refusal(failure: failure))) }
    if withdrawal == .placeKept {
      eventLoop.scheduleTask(in: overdueTime) { [weak self] in self?.checkOverdue(ticket) }
    }
    sendNext()
  }

  private func checkOverdue(_ ticket: Ticket) {
    guard state.withLock({ $0.queue.keepsPlace(of: ticket) }) else { return }
    end(RPCError(code: .deadlineExceeded, message: "a request was not answered; the stream answers in order, so it cannot go on"))
  }

  private func sendNext() {
    let (isDue, isDone) = state.withLock { state -> (Bool, Bool) in
      while let ticket = state.queue.next() {
        if let call = state.calls[ticket] { state.unsent.append((ticket, call.message)) }
      }
      return (!state.unsent.isEmpty, state.queue.isRetired && state.queue.isEmpty)
    }
    if isDue { outgoingContinuation.yield() }
    if isDone { end(Self.replaced) }
  }

  /// Another stream of this peer takes over: what is out may still be answered, then the stream ends.
  func retire() {
    let calls = state.withLock { state in
      state.queue.retired().compactMap { state.calls.removeValue(forKey: $0) }
    }
    let refusal = Refusal(failure: CallFailure("the stream to \(peer) was replaced"), isUnsent: true)
    for call in calls { finish(call, .failure(refusal)) }
    sendNext()
  }

  /// Ends the stream and fails its calls. The first reason counts.
  func end(_ reason: RPCError) {
    let calls = state.withLock { state -> [Call] in
      guard state.end == nil else { return [] }
      state.end = reason
      defer { (state.calls, state.unsent) = ([:], []) }
      return Array(state.calls.values)
    }
    outgoingContinuation.finish()
    ended.raise()
    let refusal = Refusal(failure: CallFailure("the connection to \(peer) ended: \(reason.message)"))
    for call in calls { finish(call, .failure(refusal)) }
  }

  private func finish(_ call: Call, _ answer: Answer) {
    clock.forget(call.watch)
    call.continuation.resume(returning: answer)
  }

  private static let replaced = RPCError(code: .aborted, message: "a newer stream took over")
}
