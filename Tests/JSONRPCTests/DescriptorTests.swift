import Glibc
import Harness
import NIOCore
import NIOPosix
import Operations
import Testing

@testable import JSONRPC

/// A server whose process runs out of descriptors. In a process of its own, because the limit is the process's.
@Suite(.timeLimit(.minutes(5)), .ownThreads) struct DescriptorTests {
  @Test func beyondTheLimitNobodyIsAcceptedAndSomeDescriptorsAreLeft() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 4) { try await runOutOfDescriptors() }
    }
  }
}

private func runOutOfDescriptors() async throws {
  let metrics = MetricsRegistry()
  let server = JSONRPCServer(
    JSONRPCServerConfiguration(name: "test", address: .tcp(host: "127.0.0.1", port: 0), insecure: true, limits: patientServer),
    admit: { _ in nil }, logger: silent, metrics: metrics, handler: testHandler)
  guard case .tcp(_, let port) = try await server.bind() else { throw TestFailure("another address") }
  let clients = try OwnProcess.socketsBeyondTheLimit(150)
  try await OwnProcess.limitDescriptors(to: 128)
  try await serving({ try await server.run() }) {
    for client in clients { try OwnProcess.connect(client, to: port) }
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    try await loop.makePromise(of: Void.self).futureResult.get(orAfter: {
      metrics.exposition().contains(/hyper_http_accept_pauses_total\{server="test"\} [1-9]/)
    })
    // Two looks in a row: the server takes one for an instant, now and then, to see whether there are more again.
    try await eventually("eight descriptors are left") { OwnProcess.descriptorsLeft() == 8 && OwnProcess.descriptorsLeft() == 8 }

    for client in clients { close(client) }
    let status = try await RawConnection.open(.tcp(host: "127.0.0.1", port: port)) { connection in
      try await connection.send(post(call("echo")))
      return try await connection.readAnswer()?.status
    }
    #expect(status == 200)
  }
}
