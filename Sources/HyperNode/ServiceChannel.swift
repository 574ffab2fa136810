import HyperModel
import JSONRPC

/// The channel `jsonrpc_client`: delivers requests for the own operator to the local service (PROTOCOL.md 5.3 and 6.2).
struct ServiceChannel: Channel {
  let name: String
  let ownName: OperatorName
  let client: JSONRPCClient

  func canDeliver(to recipient: OperatorName) -> Bool { recipient == ownName }

  /// The method travels without the operator, the id in full.
  func deliver(
    _ request: CallRequest, to recipient: OperatorName, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse {
    let method = MethodAddress.split(methodText: request.method)?.method ?? request.method
    do {
      let outcome = try await client.call(
        method, params: request.params ?? [:], client: request.client, id: request.id,
        timeout: ContinuousClock.now.duration(to: deadline))
      return CallResponse(id: request.id, outcome: outcome)
    } catch {
      throw CallFailure("the service behind this node could not be called: \(error.message)")
    }
  }
}
