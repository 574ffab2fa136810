import HyperModel
import Operations

extension Channel {
  /// Delivers and ends at the deadline: the channel's task is cancelled then. A channel that did not heed that would hold the call.
  func deliver(
    _ request: CallRequest, to recipient: OperatorName, endingAt deadline: ContinuousClock.Instant, by clock: DeadlineClock
  ) async -> Result<CallResponse, CallFailure> {
    guard deadline > .now else { return .failure(.late) }
    let end = await clock.run(until: deadline) { () -> Result<CallResponse, CallFailure> in
      do throws(CallFailure) {
        return .success(try await self.deliver(request, to: recipient, deadline: deadline))
      } catch {
        return .failure(error)
      }
    }
    return end ?? .failure(.late)
  }
}

extension CallFailure {
  fileprivate static let late = CallFailure("no answer before the deadline")
}
