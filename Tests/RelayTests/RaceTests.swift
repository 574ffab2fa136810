import ClientHello
import Glibc
import Harness
import Testing

@testable import Relay

/// Happy Eyeballs on real sockets: `localhost` stands for 127.0.0.1 and ::1, of which one is silent or dead.
@Suite(.timeLimit(.minutes(5)), .enabled(if: (try? TestServer6.isAvailable()) == true, "needs ::1"))
struct RaceTests {
  @Test func aSilentAddressDelaysTheOtherFamilyByAMoment() async throws {
    let (silent, blocker, live) = try silentAndLive()
    let target = DialTarget.host("localhost", port: live.port)
    let side = try PublicSide(.forTests { $0.dialTimeout = .seconds(1200) }) { engine, _, stream, _ in engine.route(stream, to: target) }
    // The silent one alone would have half of that: longer than anything here waits.
    let client = try side.client()
    let socket = try await live.accept()
    let hello = Hello.bytes(for: "a.example")
    #expect(try await socket.read(hello.count) == hello)
    try socket.writeNow([1, 2, 3])
    #expect(try await client.read(3) == [1, 2, 3])
    client.close()
    #expect(try await socket.readToEnd() == [])
    socket.close()
    #expect(try await side.log.ended().cause == .finished)
    // The attempt that lost is closed: nothing of ours knows that port but the test's own sockets.
    #expect(openDescriptors(at: ["127.0.0.1", "::1"].map { SocketAddressText(host: $0, port: live.port) }) == 3)
    await side.engine.stop()
    withExtendedLifetime((silent, blocker)) {}
  }

  @Test func aDeadAddressDelaysNothing() async throws {
    var found: (dead: DeadPort, live: TestServer)?
    for _ in 0..<20 where found == nil {
      let dead = try DeadPort()
      if let live = try? TestServer(host: "::1", port: dead.port) { found = (dead, live) }
    }
    let (dead, live) = try #require(found)
    let target = DialTarget.host("localhost", port: dead.port)
    let side = try PublicSide { engine, _, stream, _ in engine.route(stream, to: target) }
    let client = try side.client()
    let socket = try await live.accept()
    client.close()
    #expect(try await socket.readToEnd() == Hello.bytes(for: "a.example"))
    socket.close()
    #expect(try await side.log.ended().cause == .finished)
    await side.engine.stop()
  }

  @Test func theTokenIsPresentedOnTheConnectionThatWinsAndOnNoOther() async throws {
    let (silent, blocker, live) = try silentAndLive()
    let server = try TestServer()
    let engine = RelayEngine(.forTests { $0.dialTimeout = .seconds(1200) })
    try engine.start()
    let log = EventLog(engine)
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    let stream = engine.join(token: token, at: .host("localhost", port: live.port), upstream: server.target)
    let leg = try await live.accept()
    #expect(try await leg.read(32) == token.bytes)
    #expect(try await log.joined() == stream)
    leg.close()
    (try await server.accept()).close()
    _ = try await log.ended(stream)
    await engine.stop()
    withExtendedLifetime((silent, blocker)) {}
  }

  @Test(.ownThreads) func aCancelledDialClosesAllItsAttempts() async {
    // In a process of its own: the attempts are counted by their state, and every test has some.
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 4) { try await cancelADial() }
    }
  }
}

private func cancelADial() async throws {
  let (silent, blocker, live) = try silentAndLive()
  live.close()
  let full = try TestServer(host: "::1", port: silent.port, backlog: 0)
  let blocker6 = try TestSocket.connect(host: "::1", port: full.port)
  let engine = RelayEngine(.forTests())
  try engine.start()
  let log = EventLog(engine)
  let tokenPort = try TestServer()
  let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
  let stream = engine.join(token: token, at: tokenPort.target, upstream: .host("localhost", port: full.port))
  let leg = try await tokenPort.accept()
  #expect(try await leg.read(32) == token.bytes)
  try await eventually("both addresses are being tried") { OwnProcess.attemptsUnderWay() == 2 }
  engine.cancel(stream)
  #expect(try await log.ended(stream).cause == .cancelled)
  #expect(OwnProcess.attemptsUnderWay() == 0)
  await engine.stop()
  withExtendedLifetime((silent, blocker, blocker6)) {}
}

/// A port of 127.0.0.1 whose queue is full, so that the kernel drops connection requests, and the same port of ::1.
private func silentAndLive() throws -> (silent: TestServer, blocker: TestSocket, live: TestServer) {
  for _ in 0..<20 {
    let silent = try TestServer(backlog: 0)
    guard let live = try? TestServer(host: "::1", port: silent.port) else { continue }
    return (silent, try TestSocket.connect(port: silent.port), live)
  }
  throw TimedOut(description: "no port is free in both families")
}
