import Glibc
import Harness
import HyperModel
import Operations
import Testing

@testable import HyperGRPC

/// What becomes of the descriptors of a node's connections.
@Suite(.timeLimit(.minutes(5))) struct DescriptorTests {
  /// In a process of its own, because the limit is the process's.
  @Test(.ownThreads) func beyondTheLimitNobodyIsAcceptedAndSomeDescriptorsAreLeft() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 4) { try await runOutOfDescriptors() }
    }
  }

  @Test(arguments: [true, false]) func whoIsRefusedAtAcceptIsLetGoAtOnce(forItsRate: Bool) async throws {
    // At the full hour one more would be let in: it is not to strike in between.
    let rest = 3600 - time(nil) % 3600
    if forItsRate, rest < 30 { try await Task.sleep(for: .seconds(rest)) }
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
      for client in clients { try OwnProcess.connect(client, to: port) }
      // Our ends stay open, so only the server can have let go. Its loops take connections at the same time: any one may be the first.
      try await eventually("only one is kept") {
        try connectionsOfThisProcess(port: port).filter { !clients.contains($0) }.count <= 1
          && clients.count(where: OwnProcess.hasEnded) >= 4
      }
      #expect(clients.count(where: OwnProcess.hasEnded) == 4)
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
  let clients = try OwnProcess.socketsBeyondTheLimit(150)
  try await OwnProcess.limitDescriptors(to: 128)
  try await Running.with(pair.server) { _ in
    for client in clients { try OwnProcess.connect(client, to: pair.port) }
    let metrics = pair.publicParty.metrics
    try await eventually("accepting rests") { metrics.exposition().contains(/hyper_grpc_accept_pauses_total [1-9]/) }
    // Two looks in a row: the server takes one for an instant, now and then, to see whether there are more again.
    try await eventually("eight descriptors are left") { OwnProcess.descriptorsLeft() == 8 && OwnProcess.descriptorsLeft() == 8 }

    for client in clients { close(client) }
    try await Running.with(pair.client) { _ in try await pair.connected() }
  }
}

/// Both ends of every connection to a port, by their own address and that of the other end.
private func connectionsOfThisProcess(port: Int) throws -> [Int32] {
  OwnProcess.entries(of: "/proc/self/fd").compactMap { Int32($0) }.filter { descriptor in
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
