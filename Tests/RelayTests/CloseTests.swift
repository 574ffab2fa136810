import Glibc
import Testing

@testable import Relay

/// FIN as FIN, RST as RST, half-close in both directions, nothing lost.
@Suite(.timeLimit(.minutes(2)))
struct CloseTests {
  @Test func aClientThatEndsItsHalfStillGetsALateMebibyte() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    client.endWriting()
    #expect(try await server.readToEnd() == [])
    let late = Pattern.bytes(1 << 20, seed: 5)
    async let reading = client.readToEnd()
    try await server.write(late)
    server.endWriting()
    #expect(try await reading == late)
    #expect(try await chain.publicSide.log.ended().cause == .finished)
    await chain.stop()
  }

  @Test func aServerThatEndsItsHalfStillGetsWhatTheClientSends() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    server.endWriting()
    #expect(try await client.readToEnd() == [])
    let late = Pattern.bytes(80 << 10, seed: 6)
    async let reading = server.readToEnd()
    try await client.write(late)
    client.endWriting()
    #expect(try await reading == late)
    #expect(try await chain.privateLog.ended().cause == .finished)
    await chain.stop()
  }

  @Test func aResetOfTheClientIsAResetForTheServer() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    client.reset()
    #expect(try await server.readUntilFailure() == ECONNRESET)
    let summary = try await chain.publicSide.log.ended()
    #expect(summary.cause == .clientReset)
    #expect(summary.fault == .client)
    #expect(try await chain.privateLog.ended().cause == .clientReset)
    await chain.stop()
  }

  @Test func aResetOfTheServerIsAResetForTheClient() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    server.reset()
    #expect(try await client.readUntilFailure() == ECONNRESET)
    #expect(try await chain.publicSide.log.ended().cause == .upstreamReset)
    #expect(try await chain.privateLog.ended().cause == .upstreamReset)
    await chain.stop()
  }

  @Test func aResetBehindAHalfCloseIsStillAReset() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    client.endWriting()
    #expect(try await server.readToEnd() == [])
    server.reset()
    #expect(try await client.readUntilFailure() == ECONNRESET)
    await chain.stop()
  }

  @Test func aResetPassesAReaderThatDoesNotRead() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    try await fill(client)
    client.reset()
    #expect(try await chain.publicSide.log.ended().cause == .clientReset)
    #expect(try await server.readUntilFailure() == ECONNRESET)
    await chain.stop()
  }

  @Test func aSlowReaderStopsTheSenderAndLosesNothing() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    let sent = try await fill(client)
    // What the kernel buffers of three hops hold, and two spills of 64 KiB: no heap that grows.
    #expect(sent < 64 << 20)
    async let received = onThread { try drainAndCheck(server, seed: 9) }
    client.endWriting()
    #expect(try await received == sent)
    server.endWriting()
    #expect(try await chain.publicSide.log.ended().cause == .finished)
    await chain.stop()
  }

  @Test func anIdleStreamIsResetAtBothEnds() async throws {
    let settings = RelaySettings.forTests { $0.idleTimeout = .milliseconds(300) }
    let chain = try Chain(publicSettings: settings, server: try TestServer())
    let (client, server) = try await chain.connected()
    #expect(try await client.readUntilFailure() == ECONNRESET)
    #expect(try await server.readUntilFailure() == ECONNRESET)
    let summary = try await chain.publicSide.log.ended()
    #expect(summary.cause == .idle)
    #expect(summary.fault == .none)
    await chain.stop()
  }

  @Test func bytesInOneDirectionKeepTheWholeStreamAlive() async throws {
    let settings = RelaySettings.forTests { $0.idleTimeout = .seconds(5) }
    let chain = try Chain(publicSettings: settings, server: try TestServer())
    let (client, server) = try await chain.connected()
    // For longer than the idle time a byte comes from the server whenever the client had to wait 450 ms for one: ten times within the idle
    // time, so that a busy machine does not turn a pause into an end.
    for round in 0..<12 {
      var waiting = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
      #expect(poll(&waiting, 1, 450) == 0, "nothing was sent yet")
      try server.writeNow([UInt8(round)])
      #expect(try await client.read(1) == [UInt8(round)])
    }
    await chain.stop()
  }

  @Test func aCancelledStreamIsResetAtBothEnds() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    let stream = try await chain.publicSide.log.joined()
    chain.publicSide.engine.cancel(stream)
    #expect(try await client.readUntilFailure() == ECONNRESET)
    #expect(try await server.readUntilFailure() == ECONNRESET)
    #expect(try await chain.publicSide.log.ended(stream).cause == .cancelled)
    await chain.stop()
  }

  /// Writes until nothing moves for 300 ms; how many bytes were taken.
  @discardableResult
  private func fill(_ socket: TestSocket) async throws -> Int {
    try await onThread {
      var pattern = Pattern(9)
      var total = 0
      var pending: [UInt8] = []
      while true {
        var waiting = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&waiting, 1, 300) == 1 else { return total }
        if pending.isEmpty { pending = pattern.next(1 << 16) }
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        let count = pending.withUnsafeBytes { send(socket.descriptor, $0.baseAddress, $0.count, flags) }
        guard count > 0 else { continue }
        pending.removeFirst(count)
        total += count
      }
    }
  }
}

/// How many bytes came up to the end, all of them those of the pattern; -1 otherwise.
private func drainAndCheck(_ socket: TestSocket, seed: UInt64) throws -> Int {
  var pattern = Pattern(seed)
  var expected: [UInt8] = []
  var total = 0
  while true {
    let bytes = try socket.readNow()
    if bytes.isEmpty { return total }
    while expected.count < bytes.count { expected += pattern.next(1 << 16) }
    guard Array(expected.prefix(bytes.count)) == bytes else { return -1 }
    expected.removeFirst(bytes.count)
    total += bytes.count
  }
}
