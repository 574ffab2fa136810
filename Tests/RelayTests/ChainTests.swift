import ClientHello
import Glibc
import Testing

@testable import Relay

/// Client, public engine, private engine, server: real sockets all the way.
@Suite(.timeLimit(.minutes(5)))
struct ChainTests {
  @Test func aClientReachesTheServerBehindThePrivateSide() async throws {
    let server = try TestServer()
    let chain = try Chain(server: server)
    server.echo(1)
    let hello = Hello.bytes(for: "a.example")
    let client = try chain.publicSide.client(saying: hello + [1, 2, 3])
    #expect(try await client.read(hello.count + 3) == hello + [1, 2, 3])
    client.endWriting()
    #expect(try await client.readToEnd() == [])
    let summary = try await chain.publicSide.log.ended()
    #expect(summary.cause == .finished)
    #expect(summary.serverName == "a.example")
    #expect(summary.client?.host == "127.0.0.1")
    #expect(summary.bytesUp == UInt64(hello.count + 3))
    #expect(summary.bytesDown == UInt64(hello.count + 3))
    let other = try await chain.privateLog.ended()
    #expect(other.cause == .finished)
    #expect(other.client == nil)
    #expect(other.bytesUp == UInt64(hello.count + 3))
    await chain.stop()
    #expect(chain.publicSide.engine.snapshot().ended == [.finished: 1])
    #expect(chain.publicSide.engine.snapshot().streams == 0)
  }

  @Test func sixtyFourMebibytesArriveByteForByteBothWays() async throws {
    let chain = try Chain(server: try TestServer())
    let (client, server) = try await chain.connected()
    let count = 64 << 20
    let (up, down) = (Bulk(seed: 1), Bulk(seed: 2))
    async let toServer: Void = onThread {
      try up.write(count, to: client)
      client.endWriting()
    }
    async let toClient: Void = onThread {
      try down.write(count, to: server)
      server.endWriting()
    }
    async let atServer = onThread { try up.read(of: server) }
    async let atClient = onThread { try down.read(of: client) }
    #expect(try await atServer == count)
    #expect(try await atClient == count)
    try await toServer
    try await toClient
    #expect(try await chain.publicSide.log.ended().cause == .finished)
    await chain.stop()
  }

  @Test func aHelloInSingleBytesIsForwardedVerbatim() async throws {
    let server = try TestServer()
    let chain = try Chain(server: server)
    let hello = Hello.bytes(for: "drip.example")
    let client = try chain.publicSide.client(saying: [])
    for byte in hello { try client.writeNow([byte]) }
    let socket = try await server.accept()
    #expect(try await socket.read(hello.count) == hello)
    await chain.stop()
  }

  @Test func aServerThatIsDownGivesAlert80AndAnEvent() async throws {
    let dead = try DeadPort()
    let chain = try Chain(server: try TestServer(), target: dead.target)
    let client = try chain.publicSide.client(saying: Hello.bytes(for: "a.example") + Pattern.bytes(65_536, seed: 3))
    #expect(try await client.readToEnd() == alert80)
    #expect(try await chain.privateLog.dialFailed() == .upstream)
    client.close()
    let summary = try await chain.privateLog.ended()
    #expect(summary.cause == .upstreamUnreachable)
    #expect(summary.fault == .upstream)
    #expect(summary.detail?.contains("refused") == true)
    await chain.stop()
  }

  @Test func aServerOnAUnixSocketIsReached() async throws {
    let path = "/tmp/relay-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
    defer { unlink(path) }
    let server = try TestServer(unixPath: path)
    let chain = try Chain(server: server, target: .unix(path: path))
    server.echo(1)
    let hello = Hello.bytes(for: "a.example")
    let client = try chain.publicSide.client(saying: hello)
    client.endWriting()
    #expect(try await client.readToEnd() == hello)
    await chain.stop()
  }

  @Test func aServerGivenByNameIsResolved() async throws {
    let server = try TestServer()
    let chain = try Chain(server: server, target: .host("localhost", port: server.port))
    server.echo(2)
    for _ in 0..<2 {
      let hello = Hello.bytes(for: "a.example")
      let client = try chain.publicSide.client(saying: hello)
      client.endWriting()
      #expect(try await client.readToEnd() == hello)
    }
    await chain.stop()
  }

  @Test func manyStreamsLeaveNoDescriptorBehind() async throws {
    let server = try TestServer()
    let chain = try Chain(server: server, host: ownHost())
    let total = 400
    server.echo(total)
    let addresses = [chain.publicSide.clientPort, chain.publicSide.tokenPort].map {
      SocketAddressText(host: chain.publicSide.host, port: $0)
    }
    let before = openDescriptors(at: addresses)
    let hello = Hello.bytes(for: "a.example")
    try await withThrowingTaskGroup { group in
      for _ in 0..<20 {
        group.addTask {
          for _ in 0..<(total / 20) {
            let client = try chain.publicSide.client(saying: hello)
            client.endWriting()
            #expect(try await client.readToEnd() == hello)
          }
        }
      }
      try await group.waitForAll()
    }
    await chain.publicSide.engine.drain(limit: .seconds(600))
    await chain.privateEngine.drain(limit: .seconds(600))
    let counters = chain.publicSide.engine.snapshot()
    #expect(counters.ended == [.finished: UInt64(total)])
    #expect(counters.tokensMatched == UInt64(total))
    #expect(counters.streams == 0 && counters.waiting == 0 && counters.relaying == 0 && counters.helloBytesHeld == 0)
    #expect(chain.privateEngine.snapshot().ended == [.finished: UInt64(total)])
    // The two listeners are gone as well.
    #expect(before == 2)
    #expect(openDescriptors(at: addresses) == 0)
  }
}
