import Glibc
import Testing

@testable import Relay

/// Bulk through pipes: every byte, every end, every reset, and no pipe left behind.
@Suite(.timeLimit(.minutes(5)))
struct SpliceTests {
  /// MiB each way in the largest test. RELAY_BULK_MIB=1024 for the full size; the default keeps a debug build on two cores within seconds.
  static let volume = (getenv("RELAY_BULK_MIB").flatMap { Int(String(cString: $0)) } ?? 256) << 20

  private static let hello = Hello.bytes(for: "a.example")

  /// One hop, small reads so that bulk is seen as such at once.
  private func rig(_ change: (inout RelaySettings) -> Void = { _ in }) throws -> (side: PublicSide, server: TestServer) {
    let server = try TestServer()
    let target = server.target
    let settings = RelaySettings.forTests {
      $0.loops = 1
      $0.copyBuffer = 4096
      change(&$0)
    }
    return (try PublicSide(settings, host: ownHost()) { engine, _, stream, _ in engine.route(stream, to: target) }, server)
  }

  private func connect(_ rig: (side: PublicSide, server: TestServer)) async throws -> (client: TestSocket, server: TestSocket) {
    let client = try rig.side.client(saying: Self.hello)
    let server = try await rig.server.accept()
    guard try await server.read(Self.hello.count) == Self.hello else { throw TimedOut(description: "not the hello") }
    return (client, server)
  }

  /// A stream whose pipe holds bytes for a server that does not read; how many bytes were sent, how many read.
  private func stalled(
    _ rig: (side: PublicSide, server: TestServer), _ bulk: Bulk
  ) async throws -> (client: TestSocket, server: TestSocket, sent: Int, read: Int) {
    let (client, server) = try await connect(rig)
    var sent = 0
    var read = 0
    for _ in 0..<20 {
      sent += try await onThread { [sent] in try bulk.fill(client, from: sent) }
      // The loop may have stood still in the middle of it: nothing must move for longer, and the bytes must still be there.
      while rig.side.engine.snapshot().bytesParked > 0 {
        let more = try await onThread { [sent] in try bulk.fill(client, from: sent, patience: .seconds(1)) }
        sent += more
        if more == 0, rig.side.engine.snapshot().bytesParked > 0 { return (client, server, sent, read) }
      }
      read += try await onThread { [read] in try bulk.read(1 << 20, from: read, of: server) }
    }
    throw TimedOut(description: "no bytes in a pipe: \(rig.side.engine.snapshot())")
  }

  @Test(arguments: Role.single, [64, 0])
  func everyByteArrivesBothWaysAtOnce(role: Role, pipes: Int) async throws {
    let hop = try Hop(
      role,
      .forTests {
        $0.loops = 1
        $0.pipesPerLoop = pipes
      })
    let (client, server) = try await hop.connected()
    let (up, down) = (Bulk(seed: 1), Bulk(seed: 2))
    async let toServer: Void = onThread {
      try up.write(Self.volume, to: client)
      client.endWriting()
    }
    async let toClient: Void = onThread {
      try down.write(Self.volume, to: server)
      server.endWriting()
    }
    async let atServer = onThread { try up.read(of: server) }
    async let atClient = onThread { try down.read(of: client) }
    _ = try await (toServer, toClient)
    #expect(try await atServer == Self.volume)
    #expect(try await atClient == Self.volume)
    #expect(try await hop.ended() == [.finished])
    let counters = hop.engines[0].snapshot()
    let before = role == .privateSide ? 0 : Self.hello.count
    #expect(counters.bytesUp == UInt64(Self.volume + before))
    #expect(counters.bytesDown == UInt64(Self.volume))
    // How much of it fills the reads is the machine's business.
    #expect((counters.bytesSpliced > 0) == (pipes > 0), "\(counters)")
    #expect((counters.spliceFallbacks == 0) == (pipes > 0), "\(counters)")
    #expect(counters.bytesParked == 0)
    await hop.stop()
  }

  @Test func anEndBehindAFullPipeArrivesBehindItsBytes() async throws {
    let rig = try rig()
    let bulk = Bulk(seed: 3)
    let (client, server, sent, read) = try await stalled(rig, bulk)
    client.endWriting()
    // The other direction lives on behind the half-close.
    try server.writeNow([1, 2, 3])
    #expect(try await client.read(3) == [1, 2, 3])
    #expect(rig.side.engine.snapshot().bytesParked > 0)
    #expect(try await onThread { try bulk.read(from: read, of: server) } == sent - read)
    server.endWriting()
    #expect(try await client.readToEnd() == [])
    #expect(try await rig.side.log.ended().cause == .finished)
    #expect(rig.side.engine.snapshot().bytesParked == 0)
    await rig.side.engine.stop()
  }

  @Test func aResetPassesAFullPipe() async throws {
    let watch = PipeWatch()
    let rig = try rig { $0.openPipe = watch.open }
    let (client, server, _, _) = try await stalled(rig, Bulk(seed: 4))
    client.reset()
    #expect(try await rig.side.log.ended().cause == .clientReset)
    #expect(try await server.readUntilFailure() == ECONNRESET)
    try await watch.allClosed()
    #expect(watch.stillOpen == 0)
    #expect(rig.side.engine.snapshot().bytesParked == 0)
    await rig.side.engine.stop()
  }

  @Test func aReceiverThatResetsWithAFullPipeIsAResetForTheSender() async throws {
    let watch = PipeWatch()
    let rig = try rig { $0.openPipe = watch.open }
    let (client, server, _, _) = try await stalled(rig, Bulk(seed: 5))
    server.reset()
    #expect(try await rig.side.log.ended().cause == .upstreamReset)
    #expect(try await client.readUntilFailure() == ECONNRESET)
    try await watch.allClosed()
    #expect(watch.stillOpen == 0)
    #expect(rig.side.engine.snapshot().bytesParked == 0)
    await rig.side.engine.stop()
  }

  @Test func aCancelledStreamLeavesNoPipe() async throws {
    let watch = PipeWatch()
    let rig = try rig { $0.openPipe = watch.open }
    let (client, server, _, _) = try await stalled(rig, Bulk(seed: 6))
    rig.side.engine.cancel(try await rig.side.log.joined())
    #expect(try await client.readUntilFailure() == ECONNRESET)
    #expect(try await server.readUntilFailure() == ECONNRESET)
    #expect(try await rig.side.log.ended().cause == .cancelled)
    #expect(rig.side.engine.snapshot().bytesParked == 0)
    #expect(watch.stillOpen == 0)
    await rig.side.engine.stop()
  }

  @Test func aReaderThatPausesStopsTheSenderAndLosesNothing() async throws {
    let rig = try rig()
    let bulk = Bulk(seed: 7)
    let (client, server, sent, read) = try await stalled(rig, bulk)
    // What the kernel buffers of two sockets hold, one spill and one pipe.
    #expect(sent - read < 64 << 20)
    #expect(rig.side.engine.snapshot().bytesParked <= 1 << 20)
    let more = 32 << 20
    async let writing: Void = onThread {
      try bulk.write(more, from: sent, to: client)
      client.endWriting()
    }
    #expect(try await onThread { try bulk.read(from: read, of: server) } == sent + more - read)
    _ = try await writing
    server.endWriting()
    #expect(try await rig.side.log.ended().cause == .finished)
    await rig.side.engine.stop()
  }

  @Test func withoutPipesBulkIsCopied() async throws {
    let rig = try rig { $0.openPipe = { _ in nil } }
    try await carry(32 << 20, through: rig)
    let counters = rig.side.engine.snapshot()
    #expect(counters.spliceFallbacks > 0)
    #expect(counters.bytesSpliced == 0 && counters.pipes == 0)
    await rig.side.engine.stop()
  }

  @Test func whatCannotBeSplicedIsCopied() async throws {
    // Neither end is a pipe: splice(2) says EINVAL.
    let rig = try rig {
      $0.openPipe = { _ in
        Pipe(
          readEnd: Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC), writeEnd: Glibc.open("/dev/null", O_WRONLY | O_CLOEXEC), capacity: 65_536)
      }
    }
    try await carry(32 << 20, through: rig)
    let counters = rig.side.engine.snapshot()
    #expect(counters.spliceFallbacks == 1, "asked once")
    #expect(counters.bytesSpliced == 0)
    await rig.side.engine.stop()
  }

  @Test func stalledReceiversDoNotKeepTheLastPipe() async throws {
    let rig = try rig {
      $0.pipesPerLoop = 1
      $0.copyBuffer = 64 << 10
    }
    let bulk = Bulk(seed: 8)
    var streams: [(client: TestSocket, server: TestSocket, sent: Int, read: Int)] = []
    for _ in 0..<4 {
      let (client, server) = try await connect(rig)
      var sent = try await onThread { try bulk.fill(client) }
      let read = try await onThread { [sent] in try bulk.read(sent / 2, of: server) }
      sent += try await onThread { [sent] in try bulk.fill(client, from: sent) }
      streams.append((client, server, sent, read))
    }
    let stalled = rig.side.engine.snapshot()
    #expect(stalled.bytesParked == 0 && stalled.pipes <= 1, "\(stalled)")
    for stream in streams {
      stream.client.endWriting()
      #expect(try await onThread { try bulk.read(from: stream.read, of: stream.server) } == stream.sent - stream.read)
      stream.server.endWriting()
    }
    let after = rig.side.engine.snapshot()
    #expect(after.bytesSpliced > 0, "\(after)")
    #expect(after.spliceFallbacks == 0, "\(after)")
    await rig.side.engine.stop()
  }

  @Test func aUnixSocketIsSplicedToo() async throws {
    let folder = "/tmp/hyper-splice-\(UInt32.random(in: 0 ... .max))"
    #expect(mkdir(folder, 0o700) == 0)
    defer {
      unlink(folder + "/s")
      rmdir(folder)
    }
    let server = try TestServer(unixPath: folder + "/s")
    let settings = RelaySettings.forTests { $0.copyBuffer = 4096 }
    let side = try PublicSide(settings) { engine, _, stream, _ in engine.route(stream, to: .unix(path: folder + "/s")) }
    let client = try side.client(saying: Self.hello)
    let socket = try await server.accept()
    #expect(try await socket.read(Self.hello.count) == Self.hello)
    try await carry(32 << 20, from: client, to: socket)
    try await carry(32 << 20, from: socket, to: client)
    #expect(try await side.log.ended().cause == .finished)
    #expect(side.engine.snapshot().bytesSpliced > 0)
    await side.engine.stop()
  }

  @Test func pipesThatNobodyNeedsAreClosed() async throws {
    let watch = PipeWatch()
    let rig = try rig {
      $0.pipeRest = .milliseconds(20)
      $0.openPipe = watch.open
    }
    try await carry(32 << 20, through: rig)
    #expect(watch.count > 0)
    try await watch.allClosed()
    #expect(watch.stillOpen == 0)
    await rig.side.engine.stop()
    #expect(rig.side.engine.snapshot().pipes == 0)
  }

  @Test func stoppingClosesPipesInWhateverState() async throws {
    let watch = PipeWatch()
    let rig = try rig { $0.openPipe = watch.open }
    try await carry(8 << 20, through: rig)
    let stream = try await stalled(rig, Bulk(seed: 9))
    #expect(watch.stillOpen > 0)
    await rig.side.engine.stop()
    #expect(watch.stillOpen == 0)
    #expect(rig.side.engine.snapshot().pipes == 0)
    #expect(rig.side.engine.snapshot().bytesParked == 0)
    let address = SocketAddressText(host: rig.side.host, port: rig.side.clientPort)
    #expect(openDescriptors(at: [address]) <= 1, "the client's own")
    withExtendedLifetime(stream) {}
  }

  private func carry(_ count: Int, through rig: (side: PublicSide, server: TestServer)) async throws {
    let (client, server) = try await connect(rig)
    try await carry(count, from: client, to: server)
    server.endWriting()
    #expect(try await rig.side.log.ended().cause == .finished)
  }

  private func carry(_ count: Int, from source: TestSocket, to sink: TestSocket) async throws {
    try await Bulk(seed: 10).carry(count, from: source, to: sink)
    source.endWriting()
    #expect(try await sink.readToEnd() == [])
  }
}
