import Glibc
import NIOCore
import NIOPosix
import Operations
import Testing

@testable import JSONRPC

/// A server whose process runs out of descriptors. In a process of its own, because the limit is the process's.
@Suite(.timeLimit(.minutes(5))) struct DescriptorTests {
  @Test func beyondTheLimitNobodyIsAcceptedAndSomeDescriptorsAreLeft() async {
    await #expect(processExitsWith: .success) {
      alarm(240)
      do {
        try await runOutOfDescriptors()
      } catch {
        Issue.record(error)
      }
    }
  }
}

private func runOutOfDescriptors() async throws {
  let metrics = MetricsRegistry()
  let server = JSONRPCServer(
    JSONRPCServerConfiguration(name: "test", address: .tcp(host: "127.0.0.1", port: 0), insecure: true, limits: patientServer),
    admit: { _ in nil }, logger: silent, metrics: metrics, handler: testHandler)
  guard case .tcp(_, let port) = try await server.bind() else { throw TestFailure("another address") }
  let clients = try socketsBeyondTheLimit(150)
  var limit = rlimit(rlim_cur: 128, rlim_max: 128)
  #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
  try await serving({ try await server.run() }) {
    for client in clients { try connect(client, to: port) }
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    try await loop.makePromise(of: Void.self).futureResult.get(orAfter: {
      metrics.exposition().contains(/hyper_http_accept_pauses_total\{server="test"\} [1-9]/)
    })
    var left: [Int32] = []
    while case let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC), descriptor >= 0 { left.append(descriptor) }
    #expect(left.count == 8)
    for descriptor in left { close(descriptor) }

    for client in clients { close(client) }
    let status = try await RawConnection.open(.tcp(host: "127.0.0.1", port: port)) { connection in
      try await connection.send(post(call("echo")))
      return try await connection.readAnswer()?.status
    }
    #expect(status == 200)
  }
}

/// Sockets with numbers that no limit of this test leaves room for: they take none of the descriptors below it.
private func socketsBeyondTheLimit(_ count: Int) throws -> [Int32] {
  try (0..<count).map { _ in
    let low = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(low) }
    let high = fcntl(low, F_DUPFD_CLOEXEC, 500)
    guard high >= 0 else { throw TestFailure("no socket: \(errno)") }
    return high
  }
}

private func connect(_ descriptor: Int32, to port: Int) throws {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(UInt16(port)).bigEndian
  address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
  }
  guard result == 0 else { throw TestFailure("connect: \(errno)") }
}
