import HyperModel
import Logging
import NIOCore
import Operations
import Synchronization
import Trust

/// The way to one peer at one address: dials, waits, dials again, and keeps the connection that came of it.
///
/// `state` is the only mutable state, behind its mutex; flags are raised after it is released.
final class PeerLink: Sendable {
  let peer: OperatorName
  let target: Upkeep.Target

  /// What the link needs from its channel.
  struct Surroundings: Sendable {
    let dialer: ClientDialer
    let stream: @Sendable (_ peer: OperatorName, _ serverNames: [OperatorName]) -> ServerCallClient
    let metrics: CallMetrics
    let logger: Logger
    let eventLoop: any EventLoop
  }

  private enum Phase {
    /// Nobody needs the connection. Goes to `connecting` when somebody asks.
    case idle(demand: Flag, settled: Flag)
    /// An attempt is under way; `settled` is raised with its outcome. Goes to `up` or `down`.
    case connecting(settled: Flag)
    /// `left` is raised when the connection is no longer the one to use. Goes to any other phase.
    case up(ClientConnection, left: Flag)
    /// The last attempt failed and the next one is not due. Goes to `connecting`, or to `idle` when nobody needs the connection.
    case down(DialFailure)
    case stopped
  }

  private struct State {
    var phase: Phase
    /// What the log knows; nil before the first line.
    var reported: Bool?
    var reportedFailure: Backoff.FailureKind?
    /// The last connection ended without our doing.
    var endedUncleanly = false
    var waking = Flag()
  }

  private let surroundings: Surroundings
  private let limits: GRPCLimits
  private let stopping = Flag()
  private let state: Mutex<State>

  /// A connection that lasted this long starts the waits anew.
  private static let steadyTime: Duration = .seconds(10)
  /// One that the peer closed before this is followed by a wait, although it was planned.
  private static let briefTime: Duration = .milliseconds(100)

  init(peer: OperatorName, target: Upkeep.Target, surroundings: Surroundings, limits: GRPCLimits) {
    self.peer = peer
    self.target = target
    self.surroundings = surroundings
    self.limits = limits
    state = Mutex(State(phase: target.isKept ? .connecting(settled: Flag()) : .idle(demand: Flag(), settled: Flag())))
  }

  /// Closes the connection and ends `run`.
  func stop() { stopping.raise() }

  /// For a link that will not be run: nobody waits for its connection.
  func abandon() {
    stop()
    settle(.stopped)
  }

  var isStopped: Bool { stopping.isRaised }

  /// The directory changed: what was refused may be allowed now, so the next attempt is due at once.
  func wake() {
    let flag = state.withLock { state in
      defer { state.waking = Flag() }
      return state.waking
    }
    flag.raise()
  }

  /// The connection, once there is one that takes calls; waits for an attempt that is under way, at most until the deadline.
  /// - Throws: `CallFailure` with the reason of the last failed attempt.
  func connection(deadline: ContinuousClock.Instant) async throws(CallFailure) -> ClientConnection {
    while true {
      let (found, demand, settled) = try state.withLock { state throws(CallFailure) -> (ClientConnection?, Flag?, Flag) in
        switch state.phase {
        // The link's task may not have seen yet that the peer takes no more calls over it.
        case .up(let connection, let left): return connection.takesCalls ? (connection, nil, left) : (nil, nil, left)
        case .idle(let demand, let settled): return (nil, demand, settled)
        case .connecting(let settled): return (nil, nil, settled)
        case .down(let failure): throw CallFailure("no connection to \(peer): \(failure.message)")
        case .stopped: throw CallFailure("no connection to \(peer): the directory no longer has it, or the node is stopping")
        }
      }
      if let found { return found }
      demand?.raise()
      let remaining = ContinuousClock.now.duration(to: deadline)
      guard remaining > .zero, !Task.isCancelled, await settled.wait(atMost: remaining, on: surroundings.eventLoop) else {
        throw CallFailure("no connection to \(peer) in time")
      }
    }
  }

  /// Runs until `stop` or cancellation; every connection it made is closed then.
  func run() async {
    await withDiscardingTaskGroup { group in
      var backoff = Backoff()
      // Has our stream, and takes no more calls.
      var predecessor: ClientConnection?
      while await isNeeded() {
        // Taken before the attempt: a change of the directory during it counts.
        let waking = state.withLock { $0.waking }
        do throws(DialFailure) {
          let connection = try await surroundings.dialer.connect(to: peer, at: target.address, isKept: target.isKept)
          let start = ContinuousClock.now
          let reopens = state.withLock { state in
            defer { state.endedUncleanly = false }
            return state.endedUncleanly
          }
          let stream = target.isKept ? surroundings.stream(peer, connection.peer.names) : nil
          group.addTask { [predecessor] in await connection.run(stream: stream, reopens: reopens, after: predecessor) }
          predecessor = nil
          settle(.up(connection, left: Flag()))
          report(nil)
          await Flag.waitForAny([connection.ended, connection.goAway, stopping])
          if start.duration(to: .now) >= Self.steadyTime { backoff.reset() }
          if stopping.isRaised || Task.isCancelled {
            connection.close()
            break
          }
          guard !connection.goAway.isRaised else {
            // The old connection finishes what it has while a new one takes over, at once if it is to carry our stream.
            surroundings.logger.debug("peer said goaway", metadata: ["peer": "\(peer)"])
            retire(connection, in: &group)
            // A peer that says so every time would be dialled without end.
            let isBrief = start.duration(to: .now) < Self.briefTime
            if target.isKept {
              predecessor = connection
              attempt()
            } else {
              report(DialFailure(.unreachable, "the peer closes it"))
              rest()
            }
            if isBrief { await pause(backoff.next(after: .unreachable), waking: waking) }
            continue
          }
          if target.isKept { throw connection.endReason }
          report(connection.endReason)
          rest()
          // Who asks for it meanwhile waits.
          if start.duration(to: .now) < Self.briefTime { await pause(backoff.next(after: .unreachable), waking: waking) }
        } catch {
          state.withLock { $0.endedUncleanly = $0.endedUncleanly || $0.reported == true }
          report(error)
          settle(.down(error))
          await pause(backoff.next(after: error.kind), waking: waking)
          if target.isKept { attempt() } else { rest() }
        }
      }
      settle(.stopped)
      stopping.raise()
    }
    if state.withLock({ $0.reported == true }) { report(DialFailure(.unreachable, "closed by us")) }
  }

  /// Waits until the connection is needed; false when the link is to end.
  private func isNeeded() async -> Bool {
    if let demand = state.withLock({ state -> Flag? in
      guard case .idle(let demand, _) = state.phase else { return nil }
      return demand
    }) {
      await Flag.waitForAny([demand, stopping])
      state.withLock { state in
        if case .idle(_, let settled) = state.phase { state.phase = .connecting(settled: settled) }
      }
    }
    return !stopping.isRaised && !Task.isCancelled
  }

  private func attempt() { settle(.connecting(settled: Flag())) }
  private func rest() { settle(.idle(demand: Flag(), settled: Flag())) }

  private func settle(_ phase: Phase) {
    let settled = state.withLock { state -> Flag? in
      defer { state.phase = phase }
      switch state.phase {
      case .connecting(let settled), .idle(_, let settled), .up(_, let settled): return settled
      case .down, .stopped: return nil
      }
    }
    settled?.raise()
  }

  private func pause(_ wait: Duration, waking: Flag) async {
    let due = Flag()
    let timer = surroundings.eventLoop.scheduleTask(in: TimeAmount(wait)) { due.raise() }
    await Flag.waitForAny([due, waking, stopping])
    timer.cancel()
  }

  /// Gives an old connection the time the peer gives it, then closes it.
  private func retire(_ connection: ClientConnection, in group: inout DiscardingTaskGroup) {
    let (stopping, limit, eventLoop) = (stopping, limits.ageGrace, surroundings.eventLoop)
    group.addTask {
      let overdue = Flag()
      let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) { overdue.raise() }
      await Flag.waitForAny([connection.ended, stopping, overdue])
      timer.cancel()
      connection.close()
    }
  }

  /// One line for each change, and for a new kind of failure.
  private func report(_ failure: DialFailure?) {
    let (isNews, wasUp) = state.withLock { state -> (Bool, Bool) in
      let isUp = failure == nil
      defer {
        state.reported = isUp
        state.reportedFailure = failure?.kind
      }
      return (state.reported != isUp || state.reportedFailure != failure?.kind, state.reported == true)
    }
    if failure == nil, !wasUp { surroundings.metrics.links.increment() }
    if failure != nil, wasUp { surroundings.metrics.links.decrement() }
    guard isNews else { return }
    var metadata: Logger.Metadata = ["peer": "\(peer)", "address": "\(target.address)"]
    guard let failure else {
      surroundings.metrics.linkChanged(up: true)
      surroundings.logger.info("link up", metadata: metadata)
      return
    }
    surroundings.metrics.linkChanged(up: false)
    metadata["reason"] = "\(failure.message)"
    if let hint = failure.hint { metadata["hint"] = "\(hint)" }
    surroundings.logger.log(level: target.isKept ? .warning : .info, "link down", metadata: metadata)
  }
}
