import Synchronization

/// Acts at deadlines, with one timer for all of them.
///
/// What has a deadline nearly always ends long before it, so that a timer for each would be set and taken back for nothing. Here the next look
/// is set when a deadline comes before it, and a look that finds nothing due sets the one after it.
///
/// `state` is the only mutable state, behind its mutex; nothing is called while it is held.
public final class DeadlineClock: Sendable {
  public typealias Ticket = UInt64

  private struct Watch {
    var deadline: ContinuousClock.Instant
    var action: @Sendable () -> Void
  }

  private struct State {
    var watches: [Ticket: Watch] = [:]
    var lastTicket: Ticket = 0
    /// The earliest look that is set.
    var nextLook: ContinuousClock.Instant?

    /// The time of a look that has to be set now, if any.
    mutating func lookToSet(for deadline: ContinuousClock.Instant?) -> ContinuousClock.Instant? {
      guard let deadline, nextLook.map({ deadline < $0 }) ?? true else { return nil }
      nextLook = deadline
      return deadline
    }
  }

  private let state = Mutex(State())

  public init() {}

  /// How many deadlines are watched.
  public var count: Int { state.withLock { $0.watches.count } }

  /// Acts at the deadline, from any thread, unless `forget` comes first.
  public func watch(until deadline: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> Ticket {
    let (ticket, look) = state.withLock { state in
      state.lastTicket += 1
      state.watches[state.lastTicket] = Watch(deadline: deadline, action: action)
      return (state.lastTicket, state.lookToSet(for: deadline))
    }
    if let look { set(look) }
    return ticket
  }

  /// What the ticket was for has ended.
  ///
  /// - Returns: false when the deadline came first.
  @discardableResult
  public func forget(_ ticket: Ticket) -> Bool {
    state.withLock { $0.watches.removeValue(forKey: ticket) } != nil
  }

  /// A bridge from tasks to callbacks: it holds nothing but itself and ends by itself.
  private func set(_ look: ContinuousClock.Instant) {
    Task { [weak self] in
      try? await Task.sleep(until: look, clock: .continuous)  // nobody cancels it
      self?.look()
    }
  }

  private func look() {
    let now = ContinuousClock.now
    let (due, look) = state.withLock { state -> ([Watch], ContinuousClock.Instant?) in
      // Another look was set for an earlier deadline and did the work; the one behind it is set already.
      if let next = state.nextLook, next > now { return ([], nil) }
      state.nextLook = nil
      let due = state.watches.filter { $0.value.deadline <= now }
      for ticket in due.keys { state.watches[ticket] = nil }
      let next = state.watches.values.map(\.deadline).min()
      return (due.values.sorted { $0.deadline < $1.deadline }, state.lookToSet(for: next))
    }
    if let look { set(look) }
    for watch in due { watch.action() }
  }
}

extension DeadlineClock {
  /// Runs work that is cancelled at the deadline, and with the caller.
  ///
  /// The work is awaited in any case: work that heeds no cancellation holds its caller.
  /// - Returns: nil when the deadline came before the end.
  /// - Throws: what the work threw before the deadline.
  public func run<Value: Sendable, Failure: Error>(
    until deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () async throws(Failure) -> Value
  ) async throws(Failure) -> Value? {
    // A bridge: what is cancelled from outside has to be a task of its own.
    let task = Task { () -> Result<Value, Failure> in
      do throws(Failure) {
        return .success(try await work())
      } catch {
        return .failure(error)
      }
    }
    let ticket = watch(until: deadline) { task.cancel() }
    let result = await withTaskCancellationHandler {
      await task.value
    } onCancel: {
      task.cancel()
    }
    return forget(ticket) ? try result.get() : nil
  }
}
