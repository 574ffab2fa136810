import ClientHello
import Dispatch
import Glibc
import Harness
import Testing

@testable import Relay

/// Several events in one batch. The loop is stopped in the middle of its work until they have gathered.
@Suite(.timeLimit(.minutes(5)), .ownThreads)
struct BatchTests {
  /// An early event closes a connection, a later one accepts another under the same descriptor and in the same slot, and a third
  /// one still means the first connection. In a process of its own, where nearly nobody else takes the descriptor: the runtime does, for
  /// moments, so that it may take another round.
  @Test func aLateEventOfAClosedConnectionDoesNotHitItsSuccessor() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 4) {
        for _ in 0..<10 where try await reuseWithinOneBatch() { return }
        Issue.record("the descriptor number was never used again")
      }
    }
  }

  @Test func aClientThatIsResetRightBehindItsHelloIsLetGo() async throws {
    let rig = try await StoppableRig()
    try await rig.stopLoop()
    let client = try rig.side.client(saying: Hello.bytes(for: "reset.example"))
    client.reset()
    rig.goOn()
    let cause = try await rig.side.log.first("its end") {
      if case .ended(let summary) = $0, summary.serverName == "reset.example" { summary.cause } else { nil }
    }
    #expect(cause == .clientGone)
    #expect(rig.side.engine.snapshot().waiting == 0)
    await rig.stop()
  }
}

/// A public side with one loop that a test can stop: the loop asks for a pipe in the middle of its work, and waits for the answer.
private struct StoppableRig {
  let side: PublicSide
  let server: TestServer
  private let busy: (client: TestSocket, server: TestSocket)
  private let isAsking = DispatchSemaphore(value: 0)
  private let answer = DispatchSemaphore(value: 0)

  init() async throws {
    let (isAsking, answer) = (isAsking, answer)
    let settings = RelaySettings.forTests {
      $0.loops = 1
      $0.copyBuffer = 4096
      $0.openPipe = { _ in
        isAsking.signal()
        answer.wait()
        return nil
      }
    }
    let server = try TestServer()
    let target = server.target
    self.server = server
    side = try PublicSide(settings) { engine, _, stream, facts in
      if facts.serverName == "a.example" { engine.route(stream, to: target) }
    }
    busy = try await Self.connect(side, server)
  }

  static func connect(_ side: PublicSide, _ server: TestServer) async throws -> (client: TestSocket, server: TestSocket) {
    let client = try side.client()
    return (client, try await accept(server))
  }

  /// The next connection at the server, behind its hello.
  static func accept(_ server: TestServer) async throws -> TestSocket {
    let socket = try await server.accept()
    let hello = Hello.bytes(for: "a.example")
    guard try await socket.read(hello.count) == hello else { throw TimedOut(description: "not the hello") }
    return socket
  }

  /// Returns when the loop stands still. Once.
  func stopLoop() async throws {
    try busy.client.writeNow([UInt8](repeating: 1, count: 64 << 10))
    try await onThread { [isAsking] in isAsking.wait() }
  }

  /// Bulk that finds no pipe asks again later: from now on the answer is there.
  func goOn() {
    for _ in 0..<1000 { answer.signal() }
  }

  func stop() async {
    await side.engine.stop()
    withExtendedLifetime(busy) {}
  }
}

/// - Returns: whether the number was used again, without which the late event has nobody to hit.
private func reuseWithinOneBatch() async throws -> Bool {
  let rig = try await StoppableRig()
  let side = rig.side
  let first = try await StoppableRig.connect(side, rig.server)
  let old = acceptedNumber(clientPort: side.clientPort, client: first.client)
  try await rig.stopLoop()
  // In this order they will be reported: the end of the first stream, a new client, and again the first stream's client.
  first.server.reset()
  let second = try side.client()
  first.client.reset()
  // Nothing but the first stream's descriptors is free below them.
  var taken: [Int32] = []
  while let old, taken.last ?? -1 < old { taken.append(open("/dev/null", O_RDONLY | O_CLOEXEC)) }
  defer { for descriptor in taken { close(descriptor) } }
  rig.goOn()
  let socket = try await StoppableRig.accept(rig.server)
  let isReused = old != nil && acceptedNumber(clientPort: side.clientPort, client: second) == old
  try second.writeNow([1, 2, 3])
  #expect(try await socket.read(3) == [1, 2, 3])
  try socket.writeNow([4])
  #expect(try await second.read(1) == [4])
  second.endWriting()
  #expect(try await socket.readToEnd() == [])
  socket.endWriting()
  #expect(try await second.readToEnd() == [])
  let ended = try await side.log.first("the end of the second one") {
    if case .ended(let summary) = $0, summary.cause == .finished { summary } else { nil }
  }
  #expect(ended.bytesDown == 1)
  await rig.stop()
  return isReused
}

/// The number of the descriptor under which a client's connection was accepted in this process.
private func acceptedNumber(clientPort: Int, client: TestSocket) -> Int32? {
  let port = SocketAddress.localPort(of: client.descriptor)
  for descriptor in Int32(0)..<1024 where SocketAddress.localPort(of: descriptor) == clientPort {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
    }
    if result == 0, Int(PeerAddress(storage).port) == port { return descriptor }
  }
  return nil
}
