import ClientHello
import Glibc
import Harness
import Testing

@testable import Relay

/// Whatever ends a stream, none of its descriptors remains. In a process of its own: descriptors are those of a process.
@Suite(.timeLimit(.minutes(10)), .ownThreads)
struct EveryEndTests {
  @Test func noEndLeavesADescriptorBehind() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 5) { try await endInEveryWay() }
    }
  }
}

/// How often each way is gone.
private let rounds = 3
private let deadline = Duration.milliseconds(300)

private func endInEveryWay() async throws {
  let server = try TestServer()
  let dead = try DeadPort()
  let rig = try Rig(server: server)
  // The first round opens what is kept: the spare descriptors, what carries out tasks.
  try await rig.goEveryWay(dead: dead)
  let before = OwnProcess.descriptors()
  for _ in 0..<rounds { try await rig.goEveryWay(dead: dead) }
  // One or two of the first round may still have been about to be closed; what is left behind adds up with every round.
  try await eventually("there are no more descriptors than before") { OwnProcess.descriptors() <= before }
  await rig.chain.stop()
  await rig.hasty.engine.stop()
  await rig.brief.engine.stop()
}

/// A chain with all the time in the world, an edge that has little, and one that has little for hellos.
private struct Rig {
  let server: TestServer
  let chain: Chain
  let hasty: PublicSide
  let brief: PublicSide

  init(server: TestServer) throws {
    self.server = server
    // No pipe is kept for the next stream: their number would depend on how things fall.
    // Reads so small that they are full ones: a short one in between could leave a stream without a pipe when its client reads no more.
    let settings = RelaySettings.forTests {
      $0.pipeRest = .milliseconds(50)
      $0.copyBuffer = 4096
    }
    chain = try Chain(publicSettings: settings, privateSettings: settings, server: server)
    // On a busy machine others would be too late with their hellos as well.
    brief = try PublicSide(.forTests { $0.helloTimeout = deadline })
    hasty = try PublicSide(
      .forTests {
        $0.tokenWait = deadline
        $0.tokenPresentation = deadline
        $0.discardTimeout = deadline
        $0.discardBytes = 1024
      })
  }

  func goEveryWay(dead: DeadPort) async throws {
    try await whileReadingAHello()
    try await whileWaiting()
    try await whileDialling(dead: dead)
    try await atTheTokenPort()
    try await whileRelaying()
    let engines = [chain.publicSide.engine, chain.privateEngine, hasty.engine, brief.engine]
    try await eventually("all streams are gone") {
      engines.allSatisfy { engine in
        let now = engine.snapshot()
        return now.streams == 0 && now.pipes == 0 && now.tokenConnectionsAccepted == now.tokensMatched + now.tokensRefused
      }
    }
  }

  private func whileReadingAHello() async throws {
    let hello = Hello.bytes(for: "a.example")
    // Silent until it is too late; gone, reset; not TLS; not well-formed; without a name.
    let silent = try brief.client(saying: Array(hello.prefix(7)))
    _ = try await silent.readUntilFailure()
    try hasty.client(saying: Array(hello.prefix(7))).close()
    try hasty.client(saying: Array(hello.prefix(7))).reset()
    for opening in [Array("GET / HTTP/1.1\r\n".utf8), [22, 3, 1, 0, 0], Hello.bytes(for: nil)] {
      _ = try await hasty.client(saying: opening).readUntilFailure()
    }
    // A refused one that does not stop sending, and one that does not close.
    let chatty = try hasty.client(saying: Hello.bytes(for: nil))
    _ = try await chatty.readUntilFailure()
    try? chatty.writeNow([UInt8](repeating: 0, count: 4096))
    chatty.close()
  }

  private func whileWaiting() async throws {
    // Nobody decides; nobody comes; the client leaves; the control plane refuses or cancels.
    _ = try await hasty.client().readUntilFailure()
    for leave in [TestSocket.close, TestSocket.reset] {
      let (client, stream) = try await waiting()
      leave(client)()
      _ = try await hasty.log.ended(stream)
    }
    let (refused, first) = try await waiting()
    hasty.engine.refuse(first, with: .internalError, cause: .privateSideAway)
    _ = try await refused.readUntilFailure()
    let (cancelled, second) = try await waiting()
    hasty.engine.cancel(second)
    _ = try await cancelled.readUntilFailure()
    let (late, third) = try await waiting()
    _ = hasty.engine.awaitHandover(of: third)
    _ = try await late.readUntilFailure()
  }

  private func waiting() async throws -> (TestSocket, StreamID) {
    let seen = Set(hasty.log.all.compactMap(\.helloStream))
    let client = try hasty.client()
    let stream = try await hasty.log.first("another hello") { event in event.helloStream.flatMap { seen.contains($0) ? nil : $0 } }
    return (client, stream)
  }

  private func whileDialling(dead: DeadPort) async throws {
    // The route's server is dead; the private side's token port, its server, or both; a path that leads nowhere.
    let (client, stream) = try await waiting()
    hasty.engine.route(stream, to: dead.target)
    _ = try await client.readUntilFailure()
    let token = try #require(Token(bytes: Pattern.bytes(32, seed: 1)))
    // Nobody accepts there: the connection may be given up before it has come about, and otherwise goes with its listener.
    let unused = try TestServer()
    for (tokenPort, upstream) in [(dead.target, unused.target), (hasty.tokenTarget, dead.target), (dead.target, .unix(path: "/nowhere"))] {
      let stream = chain.privateEngine.join(token: token, at: tokenPort, upstream: upstream)
      _ = try await chain.privateLog.ended(stream)
    }
    unused.close()
    let ordered = chain.privateEngine.join(token: token, at: hasty.tokenTarget, serverName: "a.example")
    _ = try await chain.privateLog.ended(ordered)
  }

  private func atTheTokenPort() async throws {
    // A wrong token, half of one and no more, half of one and the end, a reset.
    for bytes in [Pattern.bytes(32, seed: 2), Pattern.bytes(16, seed: 2)] {
      let socket = try TestSocket.connect(port: hasty.tokenPort)
      try socket.writeNow(bytes)
      _ = try await socket.readUntilFailure()
    }
    for leave in [TestSocket.close, TestSocket.reset] {
      let socket = try TestSocket.connect(port: hasty.tokenPort)
      try socket.writeNow(Pattern.bytes(16, seed: 2))
      leave(socket)()
    }
  }

  private func whileRelaying() async throws {
    // A clean end, a reset from either end, a cancelled stream, and the last two while bytes are in pipes.
    let clean = try await chain.connected()
    clean.client.endWriting()
    clean.server.endWriting()
    _ = try await clean.client.readToEnd()
    _ = try await clean.server.readToEnd()
    let lost = try await chain.connected()
    lost.client.reset()
    _ = try await lost.server.readUntilFailure()
    let gone = try await chain.connected()
    gone.server.reset()
    _ = try await gone.client.readUntilFailure()
    let (cancelled, stream) = try await joined()
    chain.privateEngine.cancel(stream)
    _ = try await cancelled.client.readUntilFailure()
    for isCancelled in [false, true] {
      let (stuck, stream) = try await joined()
      let sender = Task { try? await stuck.server.write(Pattern.bytes(64 << 20, seed: 3)) }
      try await eventually("bytes are in pipes") { chain.privateEngine.snapshot().bytesParked > 0 }
      if isCancelled { chain.privateEngine.cancel(stream) } else { stuck.client.reset() }
      _ = await sender.value
      try await eventually("no bytes are in pipes") { chain.privateEngine.snapshot().bytesParked == 0 }
    }
  }

  /// A new stream through the chain, and the private side's name for it.
  private func joined() async throws -> (ends: (client: TestSocket, server: TestSocket), StreamID) {
    let seen = Set(chain.privateLog.all.compactMap(\.joinedStream))
    let ends = try await chain.connected()
    let stream = try await chain.privateLog.first("joined") { event in event.joinedStream.flatMap { seen.contains($0) ? nil : $0 } }
    return (ends, stream)
  }
}

extension RelayEvent {
  /// The stream that was joined, if that is what happened.
  fileprivate var joinedStream: StreamID? {
    if case .joined(let stream) = self { stream } else { nil }
  }
}
