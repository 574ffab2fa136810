import Broker
import HyperModel
import Logging
import Operations
import Synchronization

/// A channel whose answers a test decides.
final class FakeChannel: HyperModel.Channel {
  typealias Behaviour = @Sendable (CallRequest, OperatorName, ContinuousClock.Instant) async throws(CallFailure) -> CallResponse

  struct Delivery: Hashable {
    let request: CallRequest
    let recipient: OperatorName
    let deadline: ContinuousClock.Instant
  }

  let name: String
  private let reaches: @Sendable (OperatorName) -> Bool
  private let behaviour: Behaviour
  private let log = Mutex<[Delivery]>([])

  /// By default it answers with the request's id and the result "ok".
  init(
    _ name: String, reaches: @escaping @Sendable (OperatorName) -> Bool,
    behaviour: @escaping Behaviour = { (request, _, _) in CallResponse(id: request.id, outcome: .result("ok")) }
  ) {
    self.name = name
    self.reaches = reaches
    self.behaviour = behaviour
  }

  var deliveries: [Delivery] { log.withLock { $0 } }

  func canDeliver(to recipient: OperatorName) -> Bool { reaches(recipient) }

  func deliver(
    _ request: CallRequest, to recipient: OperatorName, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse {
    log.withLock { $0.append(Delivery(request: request, recipient: recipient, deadline: deadline)) }
    return try await behaviour(request, recipient, deadline)
  }
}

/// A directory that a test can change.
final class FakeDirectory: DirectoryReader {
  private let snapshot: Mutex<DirectorySnapshot>

  init(_ entries: [DirectoryEntry]) {
    snapshot = Mutex(DirectorySnapshot(version: 1, entries: Dictionary(entries.map { ($0.name, $0) }) { _, last in last }))
  }

  var current: DirectorySnapshot { snapshot.withLock { $0 } }

  func set(_ entry: DirectoryEntry) {
    snapshot.withLock { snapshot in
      var entries = snapshot.entries
      entries[entry.name] = entry
      snapshot = DirectorySnapshot(version: snapshot.version + 1, entries: entries)
    }
  }

  func remove(_ name: OperatorName) {
    snapshot.withLock { snapshot in
      var entries = snapshot.entries
      entries[name] = nil
      snapshot = DirectorySnapshot(version: snapshot.version + 1, entries: entries)
    }
  }

  func updates() -> AsyncStream<DirectorySnapshot> { AsyncStream { $0.finish() } }
}

/// The node "own" with a service, a friend that may call its method "hello", and a stranger.
struct Fixture {
  let directory: FakeDirectory
  let service: FakeChannel
  let peers: FakeChannel
  let broker: Broker
  let metrics = MetricsRegistry()
  let connections = PeerConnections()

  init(limits: BrokerLimits = BrokerLimits(), service: FakeChannel? = nil, peers: FakeChannel? = nil) {
    directory = FakeDirectory([Self.own, Self.friend, Self.stranger])
    let service = service ?? FakeChannel("service", reaches: { $0 == "own" })
    let peers = peers ?? FakeChannel("peers", reaches: { $0 != "own" })
    self.service = service
    self.peers = peers
    broker = Broker(
      ownName: "own", directory: directory, version: "1.2.3", limits: limits,
      connections: ConnectionsMethod(nodeName: "node-1", peers: connections),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      metrics: metrics
    ) { _ in [service, peers] }
  }

  static var own: DirectoryEntry {
    var entry = DirectoryEntry(name: "own")
    entry.groups = ["owners"]
    entry.channels = [.init(type: "grpc_client")]
    entry.services = [
      .init(
        name: "greeter", permissions: [.init(group: "friends", rights: ["call"])],
        methods: [.init(name: "hello"), .init(name: "_ping"), .init(name: "_directory")])
    ]
    return entry
  }

  static var friend: DirectoryEntry {
    var entry = DirectoryEntry(name: "friend.example")
    entry.groups = ["friends"]
    entry.channels = [.init(type: "grpc_server", settings: ["address": "friend:1"])]
    return entry
  }

  static var stranger: DirectoryEntry {
    var entry = DirectoryEntry(name: "stranger")
    entry.channels = [.init(type: "grpc_client")]
    return entry
  }

  /// A peer's request whose method and id agree.
  func handle(
    _ target: String, inner: String = "1", params: [String: JSONValue]? = [:], from caller: OperatorName,
    deadline: ContinuousClock.Instant = .soon
  ) async throws(CallFailure) -> CallResponse {
    try await broker.handle(CallRequest(id: "\(target)(\(inner))", method: target, params: params), from: caller, deadline: deadline)
  }

  func submit(
    _ methodText: String, inner: String = "1", params: [String: JSONValue]? = [:], deadline: ContinuousClock.Instant = .soon
  ) async throws(CallFailure) -> CallResponse {
    try await broker.submit(methodText: methodText, inner: inner, params: params, deadline: deadline)
  }

  func counted(_ source: String, _ outcome: String) -> UInt64 {
    metrics.counter("hyper_calls_total", help: "", labels: ["source": source, "outcome": outcome]).value
  }
}

extension ContinuousClock.Instant {
  /// Far enough that no test reaches it.
  static var soon: ContinuousClock.Instant { .now + .seconds(60) }
}

extension CallResponse.Outcome {
  var fault: CallFault? {
    guard case .fault(let fault) = self else { return nil }
    return fault
  }

  var value: JSONValue? {
    guard case .result(let value) = self else { return nil }
    return value
  }
}

/// Opens once; whoever waits goes on then, or when its task is cancelled.
final class Gate: Sendable {
  private let stream: AsyncStream<Void>
  private let opener: AsyncStream<Void>.Continuation

  init() {
    (stream, opener) = AsyncStream.makeStream()
  }

  func open() { opener.finish() }

  func wait() async { for await _ in stream {} }
}
