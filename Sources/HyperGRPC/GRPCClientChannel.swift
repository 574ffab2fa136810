public import HyperModel
public import Logging
import NIOPosix
public import Operations
public import ServiceLifecycle
import Synchronization
import Trust

/// The channel type `grpc_client`: we call peers that can be dialled, and keep a connection with a `ServerCall` stream to those that call us
/// and cannot dial us (PROTOCOL.md 5.3, 7.4).
///
/// One connection per peer carries everything. `state` is the only mutable state, behind its mutex; links protect themselves.
public final class GRPCClientChannel: HyperModel.Channel, Service {
  public var name: String { configuration.name }

  private enum Command {
    case directory(DirectorySnapshot)
    case run(PeerLink)
  }

  private struct State {
    var links: [OperatorName: PeerLink] = [:]
    var problems: [OperatorName: String] = [:]
    var isStopped = false
  }

  private let ownName: OperatorName
  private let configuration: GRPCClientConfiguration
  private let directory: any DirectoryReader
  private let surroundings: PeerLink.Surroundings
  private let codec: MessageCodec
  private let logger: Logger
  private let metrics: CallMetrics
  private let state = Mutex(State())
  /// Holds at most one entry for every link and the changes of the directory that are not worked off.
  private let commands = AsyncStream<Command>.makeStream()

  /// - Parameter directory: asked for addresses at every call and for pins at every handshake; followed as it changes.
  /// - Parameter handler: takes the requests that peers send over our `ServerCall` streams.
  /// - Parameter peers: is told of every `ServerCall` stream.
  public init(
    ownName: OperatorName, configuration: GRPCClientConfiguration, directory: any DirectoryReader, handler: any RequestHandler,
    peers: PeerConnections = PeerConnections(), logger: Logger, metrics: MetricsRegistry
  ) {
    self.ownName = ownName
    self.configuration = configuration
    self.directory = directory
    self.logger = logger
    let (limits, nodeName, metrics) = (configuration.limits, configuration.nodeName, CallMetrics(registry: metrics))
    self.metrics = metrics
    let codec = MessageCodec(sizeLimit: limits.messageSize)
    self.codec = codec
    let group = MultiThreadedEventLoopGroup.singleton
    let log = PeerLog(logger: logger)
    surroundings = PeerLink.Surroundings(
      dialer: ClientDialer(
        ownName: ownName, tls: .client(configuration.trust),
        verifier: PeerVerifier(source: configuration.trust) { directory.current.encryptionPins(for: $0) },
        limits: limits, keepalive: configuration.keepalive, eventLoopGroup: group),
      stream: { peer, serverNames in
        ServerCallClient(
          ownName: ownName, nodeName: nodeName, peer: peer, serverNames: serverNames, limits: limits, handler: handler, peers: peers,
          metrics: metrics, logger: logger, log: log, codec: codec)
      },
      metrics: metrics, logger: logger, eventLoop: group.any())
  }

  public func canDeliver(to recipient: OperatorName) -> Bool {
    recipient != ownName && Upkeep.address(of: recipient, in: directory.current) != nil
  }

  public func deliver(
    _ request: CallRequest, to recipient: OperatorName, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse {
    do {
      let message = try codec.encode(request, clientName: ownName)
      let answer = try await call(message, to: recipient, deadline: deadline)
      let response = try codec.response(answer)
      metrics.count(.outgoing, .call, response.outcome)
      return response
    } catch {
      metrics.count(.outgoing, .call, .failure)
      throw CallFailure(failing: error, towards: recipient)
    }
  }

  /// Calls again when the connection ended before the peer had seen the call.
  private func call(
    _ message: WireMessage, to recipient: OperatorName, deadline: ContinuousClock.Instant
  ) async throws -> WireMessage {
    for _ in 1..<Self.attempts {
      do {
        return try await connection(to: recipient, deadline: deadline).call(message, deadline: deadline)
      } catch let error where error.isOfUnprocessedCall && deadline > .now {
        continue
      }
    }
    return try await connection(to: recipient, deadline: deadline).call(message, deadline: deadline)
  }

  /// More connections in a row that end just then are nobody's bad luck, also on a busy machine.
  private static let attempts = 5

  /// Follows the directory and runs the links until the graceful shutdown; then every connection is closed within two seconds.
  public func run() async throws {
    await withGracefulShutdownHandler {
      await withDiscardingTaskGroup { links in
        await withTaskGroup(of: Void.self) { updates in
          updates.addTask { [directory, commands] in
            for await snapshot in directory.updates() { commands.continuation.yield(.directory(snapshot)) }
          }
          for await command in commands.stream {
            switch command {
            case .directory(let snapshot): follow(snapshot)
            case .run(let link): links.addTask { await link.run() }
            }
          }
          updates.cancelAll()
        }
        // Cancelled rather than stopped, or both.
        stop()
      }
    } onGracefulShutdown: { [self] in
      stop()
    }
  }

  /// Safe to call twice. Links close their connections by themselves; `run` ends when the last one has.
  private func stop() {
    let links = state.withLock { state in
      state.isStopped = true
      defer { state.links = [:] }
      return Array(state.links.values)
    }
    for link in links { link.stop() }
    commands.continuation.finish()
  }

  private func connection(to peer: OperatorName, deadline: ContinuousClock.Instant) async throws(CallFailure) -> ClientConnection {
    let first = try link(to: peer)
    do {
      return try await first.connection(deadline: deadline)
    } catch {
      // The directory changed while we waited: there may be another link now.
      guard first.isStopped else { throw error }
      return try await link(to: peer).connection(deadline: deadline)
    }
  }

  /// The link to a peer that can be dialled, made when there is none.
  private func link(to peer: OperatorName) throws(CallFailure) -> PeerLink {
    if let known = state.withLock({ $0.links[peer] }) { return known }
    guard peer != ownName, let target = Upkeep(ownName: ownName, directory: directory.current).targets[peer] else {
      throw CallFailure("\(peer) has no grpc_server that can be dialled in the directory")
    }
    let (link, isNew) = try state.withLock { state throws(CallFailure) -> (PeerLink, Bool) in
      if let known = state.links[peer] { return (known, false) }
      guard !state.isStopped else { throw CallFailure("the node is stopping") }
      let link = makeLink(to: peer, target)
      state.links[peer] = link
      return (link, true)
    }
    if isNew { start(link) }
    return link
  }

  private func start(_ link: PeerLink) {
    // Stopped meanwhile: nobody will run it.
    if case .terminated = commands.continuation.yield(.run(link)) { link.abandon() }
  }

  private func makeLink(to peer: OperatorName, _ target: Upkeep.Target) -> PeerLink {
    PeerLink(peer: peer, target: target, surroundings: surroundings, limits: configuration.limits)
  }

  /// Makes the links what the directory says: gone and moved peers are left, kept ones dialled.
  private func follow(_ snapshot: DirectorySnapshot) {
    let upkeep = Upkeep(ownName: ownName, directory: snapshot)
    let (left, stayed, started, problems) = state.withLock { state -> ([PeerLink], [PeerLink], [PeerLink], [OperatorName: String]) in
      guard !state.isStopped else { return ([], [], [], [:]) }
      let left = state.links.filter { upkeep.targets[$0.key] != $0.value.target }
      for peer in left.keys { state.links[peer] = nil }
      let stayed = Array(state.links.values)
      var started: [PeerLink] = []
      for (peer, target) in upkeep.targets where target.isKept && state.links[peer] == nil {
        let link = makeLink(to: peer, target)
        state.links[peer] = link
        started.append(link)
      }
      defer { state.problems = upkeep.problems }
      return (Array(left.values), stayed, started, upkeep.problems.filter { state.problems[$0.key] != $0.value })
    }
    for link in left { link.stop() }
    for link in stayed { link.wake() }
    for link in started { start(link) }
    for (peer, problem) in problems {
      logger.warning("directory entry cannot be used", metadata: ["peer": "\(peer)", "reason": "\(problem)"])
    }
  }
}
