import Foundation
import HyperModel
import JSONRPC
import Logging
import Operations
import ServiceLifecycle
import Synchronization
import Wiring

/// A node that answers as a test says, on a Unix socket, and remembers what it was asked.
///
/// `log` is protected by its mutex.
final class FakeNode: Sendable {
  struct Call: Hashable, Sendable {
    var method: String
    var params: [String: JSONValue]
  }

  typealias Answer = @Sendable (Call) async -> CallResponse.Outcome

  let link: NodeLink
  /// What it is asked, in order; for one reader.
  let calls: AsyncStream<Call>
  private let call: AsyncStream<Call>.Continuation
  private let server: JSONRPCServer
  private let folder: String

  static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init(ownName: OperatorName, _ answer: @escaping Answer) throws {
    // Short, because the path of a socket has 107 bytes.
    folder = "/tmp/hf-\(UUID().uuidString.prefix(8))"
    let (calls, call) = AsyncStream<Call>.makeStream()
    (self.calls, self.call) = (calls, call)
    let configuration = JSONRPCServerConfiguration(name: "node", address: .unix(path: "\(folder)/node.sock"))
    server = JSONRPCServer(configuration, admit: { _ in nil }, logger: Self.logger, metrics: MetricsRegistry()) { request in
      guard request.method != "\(ownName).ready" else { return .result(nil) }
      let made = Call(method: request.method, params: request.params)
      call.yield(made)
      return await answer(made)
    }
    let client = try JSONRPCClient(
      JSONRPCClientConfiguration(endpoint: .unix(path: "\(folder)/node.sock", httpPath: "/jsonrpc")), logger: Self.logger,
      metrics: MetricsRegistry())
    link = NodeLink(ownName: ownName, client: client, ownFingerprint: nil, logger: Self.logger, metrics: MetricsRegistry())
  }

  /// Runs a service beside the body, stops it gracefully at the end and waits for it; then ends itself.
  func running(_ service: any Service, _ body: () async throws -> Void) async throws {
    _ = try await server.bind()
    let listening = Task { [server] in try await server.run() }
    // Calls have little time, which is not to be spent waiting for a node that has not begun.
    _ = try await link.call(link.ownName, "ready", params: [:], timeout: .seconds(50))
    let group = ServiceGroup(services: [service], gracefulShutdownSignals: [], logger: Self.logger)
    let task = Task { try await group.run() }
    var failure: (any Error)?
    do {
      try await body()
    } catch {
      failure = error
    }
    await group.triggerGracefulShutdown()
    _ = await task.result
    listening.cancel()
    _ = await listening.result
    call.finish()
    try? FileManager.default.removeItem(atPath: folder)  // it may be gone already
    if let failure { throw failure }
  }
}
