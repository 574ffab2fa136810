import Harness
import HyperModel
import Logging
import Operations
import ServiceLifecycle
import Synchronization
import Testing
import Trust

@testable import HyperGRPC

/// A small network for tests: a CA, a directory and parties with certificates. Nothing touches the disk.
struct Mesh {
  let authority: CertificateAuthority
  let directory = MemoryDirectory()

  init() throws {
    authority = try CertificateAuthority.makeRoot(commonName: "test root").makeIntermediate(commonName: "test intermediate")
  }

  /// A party whose certificate is pinned in the directory.
  func party(
    _ name: OperatorName, groups: [String] = [], channels: [DirectoryEntry.Channel] = [], callers: String? = nil
  ) throws -> Party {
    let issued = try authority.issue(commonName: name.text)
    directory.change { entries in
      entries[name] = .test(name, pins: [issued.fingerprint.hex], groups: groups, channels: channels, callers: callers)
    }
    return Party(name: name, issued: issued, credentials: try issued.credentials())
  }

  func server(
    _ party: Party, host: String = "127.0.0.1", port: Int = 0, limits: GRPCLimits = .test, rates: [ConnectionRate] = [],
    keepalive: Keepalive = .server, handler: TestHandler
  ) -> GRPCServerChannel {
    var configuration = GRPCServerConfiguration(host: host, port: port, credentials: party.credentials)
    configuration.limits = limits
    configuration.rates = rates
    configuration.keepalive = keepalive
    return GRPCServerChannel(
      ownName: party.name, configuration: configuration, directory: directory, handler: handler, logger: party.logger.logger,
      metrics: party.metrics)
  }

  func client(_ party: Party, limits: GRPCLimits = .test, handler: TestHandler) -> GRPCClientChannel {
    var configuration = GRPCClientConfiguration(credentials: party.credentials)
    configuration.limits = limits
    return GRPCClientChannel(
      ownName: party.name, configuration: configuration, directory: directory, handler: handler, logger: party.logger.logger,
      metrics: party.metrics)
  }

  /// Announces where the party listens.
  func announce(_ party: Party, port: Int) {
    directory.change { entries in entries[party.name]?.channels = [.server("127.0.0.1:\(port)")] }
  }
}

struct Party {
  let name: OperatorName
  let issued: IssuedCertificate
  let credentials: Credentials
  let logger = TestLog()
  let metrics = MetricsRegistry()
}

extension GRPCLimits {
  /// Room for a machine that is busy with other tests; nothing here waits for these times to pass.
  static var test: GRPCLimits {
    var limits = GRPCLimits()
    limits.callTime = .seconds(20)
    limits.connectTime = .seconds(10)
    limits.handshakeTime = .seconds(60)
    return limits
  }
}

/// Answers with what a closure says and remembers what it was asked.
final class TestHandler: RequestHandler {
  typealias Answer = @Sendable (CallRequest, OperatorName) async throws(CallFailure) -> CallResponse.Outcome

  private let answer: Answer
  private let asked = Mutex<[CallRequest]>([])

  init(_ answer: @escaping Answer = { request, caller in .result(["id": .string(request.id), "caller": .string(caller.text)]) }) {
    self.answer = answer
  }

  var requests: [CallRequest] { asked.withLock { $0 } }

  func handle(
    _ request: CallRequest, from caller: OperatorName, deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> CallResponse {
    asked.withLock { $0.append(request) }
    return CallResponse(id: request.id, outcome: try await answer(request, caller))
  }
}

/// Keeps log lines for tests.
final class TestLog: Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }
  func count(of message: String) -> Int { lines.withLock { $0.count { $0.hasPrefix(message + " ") } } }

  var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(log: self) }
    logger.logLevel = .trace
    return logger
  }

  private func add(_ line: String) { lines.withLock { $0.append(line) } }

  private struct Handler: LogHandler {
    let log: TestLog
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let pairs = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      log.add("\(event.message) \(pairs.joined(separator: " "))")
    }
  }
}

/// A service that a test started, to be stopped by it.
struct Running: Sendable {
  private let group: ServiceGroup

  /// Graceful shutdown.
  func stop() async { await group.triggerGracefulShutdown() }

  /// Runs services beside the body and shuts them down after it.
  static func with<Result: Sendable>(
    _ services: any Service..., body: @Sendable @escaping (Running) async throws -> Result
  ) async throws -> Result {
    let group = ServiceGroup(
      configuration: .init(
        services: services.map { .init(service: $0, successTerminationBehavior: .ignore) }, gracefulShutdownSignals: [],
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      let result: Result
      do {
        result = try await body(Running(group: group))
      } catch {
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        throw error
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
      return result
    }
  }
}

extension GRPCServerChannel {
  /// Binds a port that was let go. Somebody else's connection may have it for a moment.
  func bindAgain() async throws {
    try await eventually("the port is free again") { (try? await self.bind()) != nil }
  }
}

extension HyperModel.Channel {
  /// A call with a deadline that only a hanging test reaches.
  func call(
    _ recipient: OperatorName, _ method: String = "method", inner: String = "1", params: [String: JSONValue] = [:],
    within limit: Duration = .seconds(20)
  ) async throws(CallFailure) -> CallResponse {
    let request = CallRequest(id: "\(recipient).\(method)(\(inner))", method: "\(recipient).\(method)", params: params)
    return try await deliver(request, to: recipient, deadline: .now + limit)
  }
}
