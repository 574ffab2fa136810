import GRPCCore
import HyperModel
import Logging
import NIOCore
import Operations
import Synchronization
import Trust

/// The two RPCs at the server (PROTOCOL.md 7.2, 7.3). No mutable state but the number of `Call`s that are being answered.
final class HyperService: RegistrableRPCService {
  private let ownName: OperatorName
  private let nodeName: String?
  private let limits: GRPCLimits
  private let handler: any RequestHandler
  private let connections: ConnectionTable
  private let registry: StreamRegistry
  private let metrics: CallMetrics
  private let logger: Logger
  private let log: PeerLog
  private let eventLoopGroup: any EventLoopGroup
  private let codec: MessageCodec
  private let clock = DeadlineClock()
  private let active = Atomic<Int>(0)

  init(
    ownName: OperatorName, nodeName: String?, limits: GRPCLimits, handler: any RequestHandler, connections: ConnectionTable,
    registry: StreamRegistry, metrics: CallMetrics, logger: Logger, log: PeerLog, eventLoopGroup: any EventLoopGroup
  ) {
    self.ownName = ownName
    self.nodeName = nodeName
    self.limits = limits
    self.handler = handler
    self.connections = connections
    self.registry = registry
    self.metrics = metrics
    self.logger = logger
    self.log = log
    self.eventLoopGroup = eventLoopGroup
    codec = MessageCodec(sizeLimit: limits.messageSize)
  }

  /// `Call`s and `ServerCall`s whose handlers run.
  var activeCount: Int { active.load(ordering: .sequentiallyConsistent) }

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: HXHyper.Method.Call.descriptor, deserializer: WireMessageDeserializer(), serializer: WireMessageSerializer()
    ) { request, context in
      try await StreamingServerResponse(single: self.call(request, context))
    }
    router.registerHandler(
      forMethod: HXHyper.Method.ServerCall.descriptor, deserializer: WireMessageDeserializer(), serializer: WireMessageSerializer()
    ) { request, _ in
      self.serverCall(request)
    }
  }

  private func peer(in metadata: Metadata) throws(RPCError) -> (VerifiedPeer, VerifiedConnection) {
    guard let id = ConnectionStamp.connectionID(in: metadata), let connection = connections[id], let peer = connection.peer,
      !peer.names.isEmpty
    else { throw RPCError(code: .unauthenticated, message: "this connection has no verified identity") }
    return (peer, connection)
  }

  // MARK: Call

  private func call(
    _ request: StreamingServerRequest<WireMessage>, _ context: ServerContext
  ) async throws -> ServerResponse<WireMessage> {
    active.add(1, ordering: .sequentiallyConsistent)
    defer { active.subtract(1, ordering: .sequentiallyConsistent) }
    let (peer, connection) = try peer(in: request.metadata)
    let deadline = ContinuousClock.now + min(limits.callTime, GRPCTimeout.duration(in: request.metadata) ?? limits.callTime)
    let (incoming, caller) = try await read(request, from: peer, at: connection, deadline: deadline)
    do {
      let response = try await answer(incoming.request, from: caller, deadline: deadline)
      let encoded = try codec.encode(response)
      metrics.count(.incoming, .call, response.outcome)
      return ServerResponse(message: encoded)
    } catch {
      metrics.count(.incoming, .call, .failure)
      let failure = RPCError(failing: error)
      logger.debug(
        "call failed",
        metadata: ["peer": "\(peer.title)", "remote": "\(connection.remote)", "reason": "\(shortenedMessage(failure.message))"])
      throw failure
    }
  }

  /// The one message of a call, and in whose name it is.
  private func read(
    _ request: StreamingServerRequest<WireMessage>, from peer: VerifiedPeer, at connection: VerifiedConnection,
    deadline: ContinuousClock.Instant
  ) async throws -> (MessageCodec.IncomingRequest, OperatorName) {
    do {
      let incoming = try codec.request(try await message(of: request, deadline: deadline))
      return (incoming, try peer.identity(named: incoming.clientName))
    } catch {
      metrics.count(.incoming, .call, .failure)
      let failure = RPCError(failing: error)
      // Peers may go while they send; that is no refusal.
      if failure.code != .unavailable, failure.code != .cancelled { log.callRefused(peer, at: connection, reason: failure.message) }
      throw failure
    }
  }

  private func message(of request: StreamingServerRequest<WireMessage>, deadline: ContinuousClock.Instant) async throws -> WireMessage {
    let message = try await clock.run(until: deadline) { try await ServerRequest(stream: request).message }
    guard let message else { throw RPCError(code: .deadlineExceeded, message: "no request came in time") }
    return message
  }

  /// Asks the broker, and stops waiting for it when the peer has gone.
  private func answer(
    _ request: CallRequest, from caller: OperatorName, deadline: ContinuousClock.Instant
  ) async throws -> CallResponse {
    let handler = handler
    // A bridge: the transport tells a callback, not a task, that the RPC was cancelled. The task is awaited right here.
    let task = Task { try await handler.handle(request, from: caller, deadline: deadline) }
    return try await withTaskCancellationHandler {
      try await withRPCCancellationHandler {
        try await task.value
      } onCancelRPC: {
        task.cancel()
      }
    } onCancel: {
      task.cancel()
    }
  }

  // MARK: ServerCall

  private func serverCall(_ request: StreamingServerRequest<WireMessage>) -> StreamingServerResponse<WireMessage> {
    let identified: (peer: VerifiedPeer, connection: VerifiedConnection)
    do throws(RPCError) {
      identified = try peer(in: request.metadata)
    } catch {
      return StreamingServerResponse(error: error)
    }
    let accepted = ConcurrencyOffer.count(in: request.metadata).map { min($0, limits.concurrency) }
    let node = NodeName.name(in: request.metadata)
    var metadata = accepted.map(ConcurrencyOffer.metadata) ?? [:]
    metadata.add(contentsOf: NodeName.metadata(nodeName))
    return StreamingServerResponse(metadata: metadata) { [self] writer in
      active.add(1, ordering: .sequentiallyConsistent)
      defer { active.subtract(1, ordering: .sequentiallyConsistent) }
      let visit = ServerCallVisit(
        order: accepted.map { .matched(limit: $0) } ?? .inOrder, peer: identified.peer, node: node, limits: limits, codec: codec,
        registry: registry, metrics: metrics, log: log, eventLoop: eventLoopGroup.any())
      // Never OK: the deployed clients spin for ever on a clean end (PROTOCOL.md 19, rule 11).
      throw await visit.run(messages: request.messages, writer: writer)
    }
  }

  /// Names the node of the recipient that is to get a request, for operators with several (a parameter of ours).
  static let nodeParameter = "_node"

  /// Delivers a request to the operator's stream.
  func deliver(
    _ request: CallRequest, to recipient: OperatorName, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse {
    do {
      let message = try codec.encode(request, clientName: ownName)
      let answer = try await ask(
        message, id: request.id, of: recipient, node: request.params?[Self.nodeParameter]?.string, deadline: deadline)
      let response = try codec.response(answer)
      metrics.count(.outgoing, .serverCall, response.outcome)
      return response
    } catch {
      metrics.count(.outgoing, .serverCall, .failure)
      throw CallFailure(failing: error, towards: recipient)
    }
  }
}

extension HyperService {
  /// Asks over the operator's stream; over the next one when that was replaced before the request had left.
  private func ask(
    _ message: WireMessage, id: String, of recipient: OperatorName, node: String?, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> WireMessage {
    var last: ServerCallStream?
    var refusal = CallFailure("\(recipient) is not connected")
    while let stream = registry[recipient, node], stream !== last {
      do throws(ServerCallStream.Refusal) {
        return try await stream.ask(message, id: id, deadline: deadline)
      } catch {
        guard error.isUnsent else { throw error.failure }
        (last, refusal) = (stream, error.failure)
      }
    }
    throw refusal
  }
}

extension VerifiedPeer {
  /// The identity a request is made under (PROTOCOL.md 7.2): the first for an empty name, otherwise the one of this name.
  func identity(named clientName: String) throws(RPCError) -> OperatorName {
    if clientName.isEmpty, let first = names.first { return first }
    let name = OperatorName(clientName)
    guard names.contains(name) else {
      throw RPCError(code: .unknown, message: "client name \"\(shortened(clientName))\" is not a verified name of this connection")
    }
    return name
  }

  /// How messages call the peer.
  var title: String { shortened(names.first?.text ?? fingerprint) }
}

extension RPCError {
  /// The status for whatever kept us from answering: UNKNOWN with the text, as the deployed nodes do (PROTOCOL.md 5.3).
  init(failing error: any Error) {
    switch error {
    case let error as RPCError: self = error
    case let failure as CallFailure: self.init(code: .unknown, message: failure.message)
    case let failure as MessageCodec.Failure: self.init(code: .unknown, message: failure.message)
    case is CancellationError: self.init(code: .cancelled, message: "the call was cancelled")
    default: self.init(code: .unknown, message: "\(error)")
    }
  }
}

extension CallFailure {
  /// What kept us from an answer of a peer, in words.
  init(failing error: any Error, towards peer: OperatorName) {
    switch error {
    case let failure as CallFailure: self = failure
    case let failure as MessageCodec.Failure: self.init("\(failure.message) (\(peer))")
    case let error as RPCError where error.code == .unknown: self.init("\(peer): \(shortenedMessage(error.message))")
    case let error as RPCError where error.code == .deadlineExceeded: self.init("\(peer) did not answer in time")
    case let error as RPCError: self.init("calling \(peer) failed: \(error.code): \(shortenedMessage(error.message))")
    case is CancellationError: self.init("the call was cancelled")
    default: self.init("calling \(peer) failed: \(error)")
    }
  }
}
