import ClientHello
import Glibc
import Harness
import Testing

@testable import Relay

/// What happens when descriptors run out. In processes of their own, whose limit is 64 (128 where both ends are in there).
@Suite(.timeLimit(.minutes(10)), .ownThreads)
struct DescriptorLimitTests {
  @Test func atTheLimitClientsAreClosedAndServedAgainAfterwards() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 5) { try await runOutOfDescriptors() }
    }
  }

  @Test func theBudgetKeepsStreamsBelowTheLimit() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 5) { try await stayBelowTheLimit() }
    }
  }

  @Test(arguments: Role.single) func whereNoPipeCanBeMadeBulkIsCopied(role: Role) async {
    await #expect(processExitsWith: .success) { [role = role as Role] in
      await OwnProcess.run(minutes: 5) { try await copyForWantOfDescriptors(role) }
    }
  }

  @Test(.enabled(if: geteuid() == 0, "needs to become somebody else")) func aUserWithTooManyPipesCopies() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 5) { try await copyForWantOfPipePages() }
    }
  }
}

/// Their numbers are beyond any limit that is set later.
private func clientsBeyondTheLimit(_ count: Int) throws -> [TestSocket] {
  try OwnProcess.socketsBeyondTheLimit(count).map { TestSocket(owning: $0) }
}

private func runOutOfDescriptors() async throws {
  let clients = try clientsBeyondTheLimit(80)
  let late = try clientsBeyondTheLimit(1)[0]
  let server = try TestServer()
  let target = server.target
  try await OwnProcess.limitDescriptors(to: 64)
  let side = try PublicSide(
    .forTests {
      $0.loops = 1
      // More than there are descriptors: what the budget would prevent.
      $0.maxStreams = 500
      $0.acceptPause = .milliseconds(20)
      $0.noticeInterval = .seconds(3600)
    }
  ) { engine, _, stream, facts in
    if facts.serverName == "late.example" { engine.route(stream, to: target) }
  }
  #expect(side.engine.descriptorLimit == 64)
  for client in clients { try OwnProcess.connect(client.descriptor, to: side.clientPort) }
  // One loop accepts in the order of arrival, and nobody leaves: once the last one is closed, all others are accepted too.
  #expect(try await clients[clients.count - 1].readUntilFailure() == 0)
  let open = clients.filter { !OwnProcess.hasEnded($0.descriptor) }
  #expect(open.count > 16 && open.count < 64)
  #expect(side.engine.snapshot().streams == UInt64(open.count))
  // However many streams are allowed: what watches Swift's own threads ends the process when it finds no descriptor.
  let left = OwnProcess.takeAllDescriptors()
  // Eight, less what Swift's threads or the loop have open just now.
  #expect(left.count >= 6, "half of the reserve is there for others")
  for descriptor in left { close(descriptor) }
  let cpu = OwnProcess.loopCPU()

  // Those that were accepted first are held, and are served.
  for client in open.prefix(8) { try client.writeNow(Hello.bytes(for: "a.example")) }
  for client in open.prefix(8) { client.reset() }
  try await side.log.ended(8)

  // They have left: there is service again.
  try OwnProcess.connect(late.descriptor, to: side.clientPort)
  try late.writeNow(Hello.bytes(for: "late.example"))
  let socket = try await server.accept()
  #expect(try await socket.read(Hello.bytes(for: "late.example").count) == Hello.bytes(for: "late.example"))
  try socket.writeNow([9])
  #expect(try await late.read(1) == [9])
  #expect(OwnProcess.loopCPU() - cpu < .seconds(5), "accepting rests instead of spinning")
  await side.engine.stop()
  #expect(side.engine.snapshot().descriptorsExhausted == UInt64(clients.count - open.count))
  let notices = side.log.all.compactMap { if case .notice(.descriptorsExhausted(let count)) = $0 { count } else { nil } }
  #expect(notices == [1], "one line stands for all until the interval is over")
}

private func stayBelowTheLimit() async throws {
  let clients = try clientsBeyondTheLimit(60)
  // Never accepted: the kernel completes these connections without descriptors of ours.
  let server = try TestServer()
  let target = server.target
  try await OwnProcess.limitDescriptors(to: 128)
  let settings = RelaySettings.forTests {
    $0.loops = 1
    $0.maxStreams = nil
    $0.maxStreamsPerSource = 64
  }
  let side = try PublicSide(settings) { engine, _, stream, _ in engine.route(stream, to: target) }
  let bound = side.engine.maxStreams
  #expect(bound > 20 && bound < 60)
  for client in clients { try OwnProcess.connect(client.descriptor, to: side.clientPort) }
  #expect(try await clients[clients.count - 1].readUntilFailure() == 0)
  let open = clients.filter { !OwnProcess.hasEnded($0.descriptor) }
  #expect(open.count == bound)
  for client in open { try client.writeNow(Hello.bytes(for: "a.example")) }
  try await side.log.joined(open.count)
  let left = OwnProcess.takeAllDescriptors()
  #expect(left.count >= 8, "the reserve is there for others")
  for descriptor in left { close(descriptor) }
  await side.engine.stop()
  let counters = side.engine.snapshot()
  #expect(counters.descriptorsExhausted == 0 && counters.dialsFailed == 0)
  #expect(counters.limitsReached[.streams] == UInt64(clients.count - open.count))
}

private func copyForWantOfDescriptors(_ role: Role) async throws {
  try await OwnProcess.limitDescriptors(to: 64)
  let hop = try Hop(role, .forTests { $0.copyBuffer = 4096 })
  let (client, server) = try await hop.connected()
  let taken = OwnProcess.takeAllDescriptors()
  // The loops use none of the last eight (`DescriptorBudget`): those are for Swift's threads, which end the process when they find none.
  for descriptor in taken where descriptor >= 56 { close(descriptor) }
  try await Bulk(seed: 21).carry(32 << 20, from: client, to: server)
  try await Bulk(seed: 22).carry(32 << 20, from: server, to: client)
  #expect(hop.engines[0].snapshot().spliceFallbacks > 0)
  #expect(hop.bytesSpliced == 0)
  // Descriptors are there again: the same stream asks anew.
  for descriptor in taken where descriptor < 56 { close(descriptor) }
  try await Bulk(seed: 23).carry(32 << 20, from: client, to: server)
  #expect(hop.bytesSpliced > 0)
  client.endWriting()
  server.endWriting()
  #expect(try await hop.ended() == [.finished])
  await hop.stop()
}

private func copyForWantOfPipePages() async throws {
  // The user "nobody" of most systems. It is alone with its 64 MiB of pipes unless it runs something else, which has as little then.
  guard setuid(65_534) == 0 else { throw SystemFailure("become another user") }
  var taken: [Pipe] = []
  while taken.count < 4096, let pipe = Pipe.open(1 << 20) { taken.append(pipe) }
  defer { for pipe in taken { pipe.close() } }
  // Where the system sets no limit for its users, this one cannot be reached.
  guard taken.count < 4096 else { return }
  let hop = try Hop(.publicRoute, .forTests { $0.copyBuffer = 4096 })
  let (client, server) = try await hop.connected()
  try await Bulk(seed: 24).carry(32 << 20, from: client, to: server)
  #expect(hop.engines[0].snapshot().spliceFallbacks > 0)
  #expect(hop.bytesSpliced == 0)
  await hop.stop()
}
