import NIOCore
import Operations
import Synchronization
import Trust

/// What one attempt to connect has come to. `state` is the only mutable state, behind its mutex; the promise is settled at most once, and
/// a connection that did not make it is closed.
final class DialProgress: Sendable {
  struct Established: Sendable {
    var channel: any NIOCore.Channel
    var peer: VerifiedPeer
  }

  private struct State {
    var channel: (any NIOCore.Channel)?
    var peer: VerifiedPeer?
    var isSettled = false
    var timer: Scheduled<Void>?
  }

  /// The peer takes no new streams.
  let goAway = Flag()
  /// The channel is closed, or is being closed by our side.
  let channelCloses = Flag()
  private let state = Mutex(State())
  private let promise: EventLoopPromise<Result<Established, DialFailure>>

  init(eventLoop: any EventLoop, until deadline: NIODeadline) {
    promise = eventLoop.makePromise(of: Result<Established, DialFailure>.self)
    let timer = eventLoop.scheduleTask(deadline: deadline) { [self] in
      settle(.failure(DialFailure(.failedAfterAccept, "the peer did not finish the handshake in time")))
    }
    state.withLock { $0.timer = timer }
  }

  func outcome() async -> Result<Established, DialFailure> {
    do {
      return try await promise.futureResult.get()
    } catch {
      return .failure(DialFailure(.unreachable, "\(error)"))
    }
  }

  func opened(_ channel: any NIOCore.Channel) {
    let isLate = state.withLock { state in
      state.channel = channel
      return state.isSettled
    }
    if isLate { channel.close(promise: nil) }
  }

  func verified(_ peer: VerifiedPeer) { state.withLock { $0.peer = peer } }

  /// The peer's first frame came.
  func accepted() {
    let established = state.withLock { state -> Established? in
      guard let channel = state.channel, let peer = state.peer else { return nil }
      return Established(channel: channel, peer: peer)
    }
    if let established { settle(.success(established)) }
  }

  func sawGoAway() { goAway.raise() }

  /// TLS or the connection failed. After our side accepted, an alert is the peer's refusal of us.
  func failed(_ error: any Error) {
    let kind: DialFailure
    if TLSFailure.isRefusalByPeer(error) {
      kind = DialFailure(
        .refused, TLSFailure.reason(error, at: .client),
        hint: "the peer's log says why; compare our certificate with our record in its directory")
    } else {
      kind = DialFailure(.failedAfterAccept, TLSFailure.reason(error, at: .client))
    }
    settle(.failure(kind))
  }

  func settle(_ result: Result<Established, DialFailure>) {
    let (isFirst, channel, timer) = state.withLock { state -> (Bool, (any NIOCore.Channel)?, Scheduled<Void>?) in
      defer {
        state.isSettled = true
        state.timer = nil
      }
      return (!state.isSettled, state.channel, state.timer)
    }
    guard isFirst else { return }
    timer?.cancel()
    promise.succeed(result)
    if case .failure = result { channel?.close(promise: nil) }
  }
}
