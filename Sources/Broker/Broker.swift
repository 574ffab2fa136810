public import HyperModel
public import Logging
public import Operations
import Synchronization

/// The heart of a node: it decides whether a request may be carried out and hands it to the channel that can deliver it
/// (PROTOCOL.md 5.3–5.6; where it is stricter than existing nodes, DESIGN.md 4).
///
/// A node never relays: peers reach the node's own service only, and only methods that the directory lets them call; local programs reach
/// everybody.
///
/// Mutable state, each behind its own lock: the channels (set once, at the end of `init`), the peers' requests in flight, the cached
/// `_client` parameters, the deadlines, the counter of request ids, and what the log was told of refusals. Nothing is called while one of them is
/// held.
public final class Broker: RequestHandler {
  let ownName: OperatorName
  let directory: any DirectoryReader
  let internalMethods: InternalMethods
  let connectionsMethod: ConnectionsMethod?
  let counters: BrokerCounters
  let logger: Logger
  private let inFlight: Mutex<InFlightTable>
  private let clientParameters = ClientParameterCache()
  private let wireIDs = WireIDs()
  private let clock = DeadlineClock()
  private let channels = Mutex<[any Channel]>([])
  private let sampler = Mutex(LineSampler())

  /// Makes a broker together with its channels.
  ///
  /// Channels need a handler for what arrives and the broker needs the channels for what leaves, so the broker asks for them here, giving itself:
  /// there is no moment at which a finished broker has no channels. Broker and channels keep each other alive, as long as the node lives.
  /// - Parameters:
  ///   - version: what `_ping` says.
  ///   - connections: what answers `_connections`; without it that is a method of the service behind this node.
  ///   - makeChannels: called once, before `init` returns. The order is the order in which channels are asked (PROTOCOL.md 5.3, 9), and what
  ///     error messages count from 0. A request that arrives while this runs finds no channel.
  /// - Throws: what `makeChannels` throws.
  public init<Failure: Error>(
    ownName: OperatorName,
    directory: any DirectoryReader,
    version: String,
    limits: BrokerLimits = BrokerLimits(),
    connections: ConnectionsMethod? = nil,
    logger: Logger,
    metrics: MetricsRegistry,
    channels makeChannels: (any RequestHandler) throws(Failure) -> [any Channel]
  ) throws(Failure) {
    self.ownName = ownName
    self.directory = directory
    self.logger = logger
    internalMethods = InternalMethods(version: version)
    connectionsMethod = connections
    counters = BrokerCounters(in: metrics)
    inFlight = Mutex(InFlightTable(limitPerCaller: limits.inFlightPerCaller))
    let made = try makeChannels(self)
    channels.withLock { $0 = made }
  }

  /// Carries out a peer's request: checks it (see `Admission`), and delivers it to the own service or answers it.
  ///
  /// - Throws: `CallFailure` when the request cannot be read, when the caller or this node is not in the directory, when the same caller has a
  ///   request with the same id in flight, or when no channel can deliver. Everything else is a response, also refusals (403) and a channel's failure (500).
  public func handle(
    _ request: CallRequest, from caller: OperatorName, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse {
    switch inFlight.withLock({ $0.enter(id: request.id, caller: caller) }) {
    case .entered: break
    case .alreadyThere:
      refusalLogged("the same id is in flight", request, caller)
      throw CallFailure("request \(request.id.excerpt) is already being processed (maybe a delivery loop)")
    case .tooMany:
      refusalLogged("too many requests in flight", request, caller)
      return CallResponse(id: request.id, outcome: .fault(CallFault(code: 429, message: "too many requests in flight")))
    }
    defer { inFlight.withLock { $0.leave(id: request.id, caller: caller) } }

    let snapshot = directory.current
    switch Admission(ownName: ownName).judge(request, from: caller, in: snapshot) {
    case .failed(let failure):
      counters.count(.failed, from: .peer)
      noteRefusal(failure.message, id: request.id, method: request.method, caller)
      throw failure
    case .refused(let fault):
      refusalLogged(fault.message, request, caller)
      return CallResponse(id: request.id, outcome: .fault(fault))
    case .admitted(let call):
      let outcome = try await carryOut(call, id: request.id, params: request.params, in: snapshot, source: .peer, deadline: deadline)
      return CallResponse(id: request.id, outcome: outcome)
    }
  }

  /// Carries out a request of a local program, in the name of this node.
  ///
  /// On its way to a peer the request has an id that this node never used before, since existing nodes refuse an id that anybody has in flight there
  /// (PROTOCOL.md 19 rule 4): local programs may use any id, also at the same time.
  /// - Parameters:
  ///   - methodText: `OPERATOR.METHOD`.
  ///   - inner: the program's own id in the form of `RPCID`; it is the id of the response.
  /// - Throws: `CallFailure` when the method text is no address, when the operator or this node is not in the directory, or when no channel can deliver.
  public func submit(
    methodText: String, inner: String, params: [String: JSONValue]?, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse {
    let snapshot = directory.current
    switch Admission(ownName: ownName).judge(methodText: methodText, in: snapshot) {
    case .failed(let failure):
      failureLogged(failure, caller: ownName, id: methodText, source: .local)
      throw failure
    case .refused(let fault):
      return CallResponse(id: inner, outcome: .fault(fault))
    case .admitted(let call):
      let outcome = try await carryOut(
        call, id: idForDelivery(of: call, inner: inner), params: params, in: snapshot, source: .local, deadline: deadline)
      return CallResponse(id: inner, outcome: outcome)
    }
  }

  /// The own service sees the program's id, as long as an address with it can be read; peers see one of ours.
  private func idForDelivery(of call: Admission.Call, inner: String) -> String {
    let asked = MethodAddress(operatorName: call.recipient, method: call.method, inner: inner)
    if call.recipient == ownName && asked.isReadable { return asked.id }
    let replaced = MethodAddress(operatorName: call.recipient, method: call.method, inner: wireIDs.next())
    logger.debug("request renamed", metadata: ["asked": "\(asked.id.excerpt)", "id": "\(replaced.id)"])
    return replaced.id
  }

  private func carryOut(
    _ call: Admission.Call, id: String, params: [String: JSONValue]?, in snapshot: DirectorySnapshot, source: BrokerCounters.Source,
    deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse.Outcome {
    var params = params ?? [:]
    // Whatever the sender put there is a claim; this is what was verified.
    params[ClientParameter.key] = nil
    let client = clientParameters.parameter(for: call.caller, in: snapshot)

    do throws(CallFailure) {
      if call.recipient == ownName,
        let outcome = try internalMethods.answer(call.method, params: params, client: client, own: call.own, in: snapshot)
      {
        counters.count(outcome, from: source)
        return outcome
      }
      if call.recipient == ownName, source == .local, call.method == ConnectionsMethod.name, let connectionsMethod {
        let channels = self.channels.withLock { $0 }
        let result = await connectionsMethod.answer(params, in: snapshot, deadline: deadline) { name in
          name != ownName && channels.contains { $0.canDeliver(to: name) }
        }
        counters.count(.answered, from: source)
        return .result(result)
      }
      let request = CallRequest(id: id, method: call.methodText, params: params, client: client)
      return try await deliver(request, to: call.recipient, source: source, deadline: deadline)
    } catch {
      failureLogged(error, caller: call.caller.name, id: id, source: source)
      throw error
    }
  }

  /// The first channel that can deliver is used, and its failure is final.
  private func deliver(
    _ request: CallRequest, to recipient: OperatorName, source: BrokerCounters.Source, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse.Outcome {
    let channels = self.channels.withLock { $0 }
    guard let index = channels.firstIndex(where: { $0.canDeliver(to: recipient) }) else {
      throw CallFailure("no channel can deliver this request" + (Self.obstacle(to: recipient, in: directory.current) ?? ""))
    }
    let channel = channels[index]
    do throws(CallFailure) {
      let response = try await channel.deliver(request, to: recipient, endingAt: deadline, by: clock)
      counters.count(response.outcome, from: source)
      return response.outcome
    } catch {
      counters.count(.failed, from: source)
      logger.debug(
        "delivery failed",
        metadata: [
          "channel": "\(channel.name)", "recipient": "\(recipient.text.excerpt)", "id": "\(request.id.excerpt)",
          "reason": "\(error.message)",
        ])
      let message = "Channel \(index) encountered an error delivering the message: \(channel.name): \(error.message)"
      return .fault(CallFault(code: 500, message: message))
    }
  }

  /// What keeps everybody from dialling an operator, for the message; nil when nothing that is known does.
  private static func obstacle(to recipient: OperatorName, in directory: DirectorySnapshot) -> String? {
    let server = directory[recipient]?.channels.first { $0.type == "grpc_server" }
    guard let proxy = server?.settings?["proxy"]?.string, !proxy.isEmpty else { return nil }
    return ": \(recipient.text.excerpt) is behind the proxy \(proxy.excerpt), and connections through a proxy are not supported yet"
  }

  private func refusalLogged(_ reason: String, _ request: CallRequest, _ caller: OperatorName) {
    counters.count(.refused, from: .peer)
    noteRefusal(reason, id: request.id, method: request.method, caller)
  }

  /// A peer can ask as often as it likes; the log is told some times a second of each.
  private func noteRefusal(_ reason: String, id: String, method: String? = nil, _ caller: OperatorName) {
    guard case .write(let swallowed) = sampler.withLock({ $0.admit(cause: caller.text, now: .now) }) else { return }
    var metadata: Logger.Metadata = ["peer": "\(caller.text.excerpt)", "id": "\(id.excerpt)", "reason": "\(reason)"]
    if let method { metadata["method"] = "\(method.excerpt)" }
    if swallowed > 0 { metadata["swallowed"] = "\(swallowed)" }
    logger.notice("request refused", metadata: metadata)
  }

  private func failureLogged(_ failure: CallFailure, caller: OperatorName, id: String, source: BrokerCounters.Source) {
    counters.count(.failed, from: source)
    logger.debug(
      "request failed", metadata: ["caller": "\(caller.text.excerpt)", "id": "\(id.excerpt)", "reason": "\(failure.message)"])
  }
}
