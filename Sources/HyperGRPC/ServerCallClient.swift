import GRPCCore
import GRPCNIOTransportHTTP2Posix
import HyperModel
import Logging
import Operations
import Trust

/// Our end of a `ServerCall` at the client: announces us and answers what the peer asks (PROTOCOL.md 7.3).
///
/// One response per request, also for failures. In the order of arrival, one at a time, unless the server took our offer to carry several.
struct ServerCallClient: Sendable {
  let ownName: OperatorName
  let nodeName: String?
  let peer: OperatorName
  /// The server's verified names; requests must be made in one of them.
  let serverNames: [OperatorName]
  let limits: GRPCLimits
  let handler: any RequestHandler
  let peers: PeerConnections
  let metrics: CallMetrics
  let logger: Logger
  let log: PeerLog
  let codec: MessageCodec

  /// What the deployed nodes answer when the broker fails (PROTOCOL.md 5.3).
  private static let failureCode = -100

  /// A stream that fails this early with a status about us was refused, not interrupted.
  private static let refusalTime: Duration = .seconds(5)

  /// Runs one stream to its end and says why it ended.
  ///
  /// - Parameter isUsable: raised once the stream is there.
  /// - Parameter offerTaken: raised when the server says that it takes our offer; the deployed ones never do.
  /// - Parameter open: counts what is being answered.
  func run(
    on client: GRPCClient<HTTP2ClientTransport.WrappedChannel>, isUsable: Flag, offerTaken: Flag, open: OpenRequests
  ) async -> DialFailure {
    let start = ContinuousClock.now
    let (outgoing, answers) = AsyncStream<WireMessage>.makeStream()
    defer { answers.finish() }
    let connection = peers.opened(.init(name: peer.text))
    defer { peers.closed(connection) }
    do {
      let announcement = try codec.encode(CallResponse(id: "1", outcome: .result(["name": .string(ownName.text)])))
      // The announcement is written at once: the deployed servers send no headers before their first request.
      var metadata = ConcurrencyOffer.metadata(limits.concurrency)
      metadata.add(contentsOf: NodeName.metadata(nodeName))
      let request = StreamingClientRequest<WireMessage>(metadata: metadata) { writer in
        isUsable.raise()
        defer { open.end() }
        try await writer.write(announcement)
        for await answer in outgoing {
          try await writer.write(answer)
          open.answered()
        }
      }
      return try await client.bidirectionalStreaming(
        request: request, descriptor: HXHyper.Method.ServerCall.descriptor, serializer: WireMessageSerializer(),
        deserializer: WireMessageDeserializer(), options: .defaults
      ) { response in
        let taken = ConcurrencyOffer.count(in: response.metadata)
        if taken != nil { offerTaken.raise() }
        if let node = NodeName.name(in: response.metadata) { peers.learned(.init(name: peer.text, node: node), of: connection) }
        let contents = try response.accepted.get()
        if taken == nil {
          try await answerInOrder(contents.bodyParts, answers, open)
        } else {
          try await answerConcurrently(contents.bodyParts, answers, open)
        }
        return DialFailure(.failedAfterAccept, "the peer ended the stream with status OK")
      }
    } catch {
      return failure(error, after: start.duration(to: .now))
    }
  }

  private typealias Parts = RPCAsyncSequence<StreamingClientResponse<WireMessage>.Contents.BodyPart, any Error>

  private func answerInOrder(
    _ parts: Parts, _ answers: AsyncStream<WireMessage>.Continuation, _ open: OpenRequests
  ) async throws {
    for try await part in parts {
      guard case .message(let message) = part else { continue }
      open.began()
      answers.yield(await answer(message))
      await open.few(2)
    }
  }

  /// Reading stops while `concurrency` requests are being answered; the peer then feels HTTP/2's flow control.
  private func answerConcurrently(
    _ parts: Parts, _ answers: AsyncStream<WireMessage>.Continuation, _ open: OpenRequests
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      var inFlight = 0
      for try await part in parts {
        guard case .message(let message) = part else { continue }
        open.began()
        if inFlight >= limits.concurrency {
          try await group.next()
          inFlight -= 1
        }
        group.addTask { answers.yield(await answer(message)) }
        inFlight += 1
        // A peer that takes no answers gets no further ones either.
        await open.few(2 * limits.concurrency)
      }
      group.cancelAll()
    }
  }

  /// One response for one message, whatever it is.
  func answer(_ message: WireMessage) async -> WireMessage {
    var id = ""
    do {
      let incoming = try codec.request(message)
      id = incoming.request.id
      let response = try await respond(to: incoming)
      let encoded = try codec.encode(response)
      metrics.count(.incoming, .serverCall, response.outcome)
      return encoded
    } catch {
      metrics.count(.incoming, .serverCall, .failure)
      let failure = RPCError(failing: error).message
      logger.debug("call failed", metadata: ["peer": "\(peer)", "reason": "\(shortenedMessage(failure))"])
      return fault(id: id, CallFault(code: Self.failureCode, message: failure))
    }
  }

  private func respond(to incoming: MessageCodec.IncomingRequest) async throws -> CallResponse {
    let caller = OperatorName(incoming.clientName)
    guard serverNames.contains(caller) else {
      log.note(.warning, "request in a foreign name", peer: peer.text, ["name": "\(shortened(incoming.clientName))"])
      let message = "client name \"\(shortened(incoming.clientName))\" is not a verified name of this connection"
      return CallResponse(id: incoming.request.id, outcome: .fault(CallFault(code: 404, message: message)))
    }
    return try await handler.handle(incoming.request, from: caller, deadline: .now + limits.callTime)
  }

  private func fault(id: String, _ fault: CallFault) -> WireMessage {
    let response = CallResponse(id: id, outcome: .fault(CallFault(code: fault.code, message: String(fault.message.prefix(4096)))))
    do throws(MessageCodec.Failure) {
      return try codec.encode(response)
    } catch {
      // Only an id of the size limit gets here; an answer without it keeps the order of answers.
      return WireMessage(bytes: [])
    }
  }

  private func failure(_ error: any Error, after lifetime: Duration) -> DialFailure {
    guard let error = error as? RPCError else { return DialFailure(.unreachable, "the stream ended: \(error)") }
    let message = "\(error.code): \(shortenedMessage(error.message))"
    switch error.code {
    case .unknown where lifetime < Self.refusalTime, .unauthenticated, .permissionDenied:
      return DialFailure(.refused, "the peer refused our stream: \(message)")
    case .unavailable, .cancelled, .aborted: return DialFailure(.unreachable, "the stream ended: \(message)")
    default: return DialFailure(.failedAfterAccept, "the stream ended: \(message)")
    }
  }
}
