import Glibc
import HyperModel
import Operations
import Testing

@testable import HyperGRPC

/// What becomes of the descriptors of a node's connections.
@Suite(.timeLimit(.minutes(5))) struct DescriptorTests {
  /// In a process of its own, because the limit is the process's.
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

  @Test(arguments: [true, false]) func whoIsRefusedAtAcceptIsLetGoAtOnce(forItsRate: Bool) async throws {
    let mesh = try Mesh()
    let party = try mesh.party("public-1")
    var limits = GRPCLimits.test
    limits.connections = forItsRate ? 100 : 1
    let rates = forItsRate ? [ConnectionRate(window: .hour, limit: 1)] : []
    let server = mesh.server(party, limits: limits, rates: rates, handler: TestHandler())
    let port = try await server.bind()
    let clients = (0..<5).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
    defer { for client in clients { close(client) } }
    try await Running.with(server) { _ in
      for client in clients { try connect(client, to: port) }
      // Our ends stay open, so only the server can have let go. Its loops take connections at the same time: any one may be the first.
      try await eventually("only one is kept") {
        try connectionsOfThisProcess(port: port).filter { !clients.contains($0) }.count <= 1 && clients.count(where: hasEnded) >= 4
      }
      #expect(clients.count(where: hasEnded) == 4)
    }
    let cause = forItsRate ? "rate" : "full"
    #expect(party.metrics.exposition().contains("hyper_grpc_refused_connections_total{cause=\"\(cause)\"} 4"))
  }

  @Test func bothEndsAskTCPToNoticeAPeerThatIsGone() async throws {
    let pair = try await ChannelTests.Pair()
    try await Running.with(pair.server, pair.client) { _ in
      try await pair.connected()
      let ends = try connectionsOfThisProcess(port: pair.port)
      #expect(ends.count == 2)
      for end in ends {
        #expect(option(end, SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(option(end, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 10)
        #expect(option(end, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 15_000)
      }
    }
  }
}

private func runOutOfDescriptors() async throws {
  let pair = try await ChannelTests.Pair()
  let clients = try (0..<150).map { _ in try socketBeyondTheLimit() }
  var limit = rlimit(rlim_cur: 128, rlim_max: 128)
  #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
  try await Running.with(pair.server) { _ in
    for client in clients { try connect(client, to: pair.port) }
    let metrics = pair.publicParty.metrics
    try await eventually("accepting rests") { metrics.exposition().contains(/hyper_grpc_accept_pauses_total [1-9]/) }
    var left: [Int32] = []
    while case let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC), descriptor >= 0 { left.append(descriptor) }
    #expect(left.count == 8)
    for descriptor in left { close(descriptor) }

    for client in clients { close(client) }
    try await Running.with(pair.client) { _ in try await pair.connected() }
  }
}

/// With a number that no limit of this test leaves room for: takes none of the descriptors below it.
private func socketBeyondTheLimit() throws -> Int32 {
  let low = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(low) }
  let high = fcntl(low, F_DUPFD_CLOEXEC, 500)
  guard high >= 0 else { throw SystemFailure(code: errno) }
  return high
}

private func connect(_ descriptor: Int32, to port: Int) throws {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(UInt16(port)).bigEndian
  address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
  }
  guard result == 0 else { throw SystemFailure(code: errno) }
}

/// Whether the other end has closed or reset the connection; takes nothing from it.
private func hasEnded(_ descriptor: Int32) -> Bool {
  var byte: UInt8 = 0
  let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
  return count == 0 || count < 0 && errno != EAGAIN
}

private struct SystemFailure: Error {
  let code: Int32
}

/// Both ends of every connection to a port, by their own address and that of the other end.
private func connectionsOfThisProcess(port: Int) throws -> [Int32] {
  (Int32(3)..<1024).filter { descriptor in
    var peer = sockaddr_in()
    var own = sockaddr_in()
    return name(of: descriptor, &peer, getpeername) && name(of: descriptor, &own, getsockname)
      && [peer.sin_port, own.sin_port].contains(in_port_t(UInt16(port)).bigEndian)
  }
}

private func name(
  of descriptor: Int32, _ address: inout sockaddr_in,
  _ call: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32
) -> Bool {
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  return withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, &length) == 0 }
  } && address.sin_family == sa_family_t(AF_INET)
}

private func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
  var value: Int32 = -1
  var length = socklen_t(MemoryLayout<Int32>.size)
  getsockopt(descriptor, level, name, &value, &length)
  return value
}
