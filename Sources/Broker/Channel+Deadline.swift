import HyperModel

extension Channel {
  /// Delivers and ends at the deadline even when the channel does not look at it: its task is cancelled then.
  ///
  /// A channel's work is a child of the call, so nothing is left behind; a channel that heeded neither deadline nor cancellation would hold the call.
  func deliver(
    _ request: CallRequest, to recipient: OperatorName, endingAt deadline: ContinuousClock.Instant
  ) async -> Result<CallResponse, CallFailure> {
    let late = CallFailure("no answer before the deadline")
    guard deadline > .now else { return .failure(late) }
    return await withTaskGroup(of: End.self) { group in
      group.addTask {
        do throws(CallFailure) {
          return .delivered(.success(try await self.deliver(request, to: recipient, deadline: deadline)))
        } catch {
          return .delivered(.failure(error))
        }
      }
      group.addTask {
        // A sleep that throws was cancelled.
        let isOver: Void? = try? await Task.sleep(until: deadline, clock: .continuous)
        return isOver == nil ? .interrupted : .deadlinePassed
      }
      defer { group.cancelAll() }
      for await end in group {
        switch end {
        case .delivered(let result): return result
        case .deadlinePassed: return .failure(late)
        // The caller went away; the delivery, cancelled as well, says how it ended.
        case .interrupted: continue
        }
      }
      return .failure(late)
    }
  }
}

private enum End: Sendable {
  case delivered(Result<CallResponse, CallFailure>)
  case deadlinePassed
  case interrupted
}
