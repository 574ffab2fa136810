import HyperModel
import Operations

extension Channel {
  /// Delivers and ends at the deadline: the channel's task is cancelled then. A channel that did not heed that would hold the call.
  func deliver(
    _ request: CallRequest, to recipient: OperatorName, endingAt deadline: ContinuousClock.Instant, by clock: DeadlineClock
  ) async throws(CallFailure) -> CallResponse {
    guard deadline > .now else { throw .late }
    let response = try await clock.run(until: deadline) { () async throws(CallFailure) in
      try await self.deliver(request, to: recipient, deadline: deadline)
    }
    guard let response else { throw .late }
    return response
  }
}

extension CallFailure {
  fileprivate static let late = CallFailure("no answer before the deadline")
}
