/// A way for a node to deliver requests (PROTOCOL.md 5.3): to its own service or to peers.
///
/// The broker knows channels only as this protocol. Implementations are safe to call from any task.
public protocol Channel: Sendable {
  /// The channel's name in the settings, for messages.
  var name: String { get }

  /// Whether this channel can deliver to the operator right now. Answers at once, from memory.
  func canDeliver(to recipient: OperatorName) -> Bool

  /// Delivers a request and returns the answer.
  ///
  /// The channel ends the call by itself at the deadline, as soon as the connection that carries it breaks, and when its task is cancelled: the broker
  /// cancels it at the deadline and waits for it.
  /// - Throws: `CallFailure` when no answer was obtained.
  func deliver(
    _ request: CallRequest, to recipient: OperatorName, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse
}

/// What takes requests from a peer or a local program: the broker.
public protocol RequestHandler: Sendable {
  /// Checks and delivers a request in the name of a caller whose identity the channel has verified.
  ///
  /// - Throws: `CallFailure` when the call could not be carried out; refusals with an error object are answers.
  func handle(
    _ request: CallRequest, from caller: OperatorName, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse
}

/// Where the present state of the service directory comes from.
///
/// Reading never blocks and never waits: it returns the state in force.
public protocol DirectoryReader: Sendable {
  var current: DirectorySnapshot { get }

  /// The state in force and then every later one; slow readers see the newest only.
  func updates() -> AsyncStream<DirectorySnapshot>
}
