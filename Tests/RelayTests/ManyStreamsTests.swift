import ClientHello
import Glibc
import Harness
import Testing

@testable import Relay

/// Ten thousand streams leave nothing behind. In a process of its own: memory and descriptors are those of a process.
@Suite(.timeLimit(.minutes(15)), .ownThreads)
struct ManyStreamsTests {
  @Test(arguments: [Role.publicRoute, .chain]) func tenThousandStreamsLeaveNothingBehind(role: Role) async {
    await #expect(processExitsWith: .success) { [role = role as Role] in
      await OwnProcess.run(minutes: 10) { try await openUseAndCloseMany(role) }
    }
  }
}

private let warmUp = 2000
private let total = 10_000
private let workers = 8
private let hello = Hello.bytes(for: "a.example")

private func openUseAndCloseMany(_ role: Role) async throws {
  let server = try TestServer()
  let target = server.target
  let settings = RelaySettings.forTests { $0.maxStreams = 4096 }
  let edge = RelayEngine(settings)
  let privateSide = RelayEngine(settings)
  try edge.start()
  try privateSide.start()
  let clientPort = try edge.listen(for: .clients, host: "127.0.0.1", port: 0)
  let tokenPort = try edge.listen(for: .tokens, host: "127.0.0.1", port: 0)
  // Events are counted, not kept.
  let (ended, endings) = AsyncStream<EndCause>.makeStream()
  let atEdge = Task {
    for await var news in edge.events {
      while let event = news.next() {
        switch event {
        case .helloArrived(let stream, _, _) where role == .publicRoute: edge.route(stream, to: target)
        case .helloArrived(let stream, _, _):
          privateSide.join(token: edge.awaitHandover(of: stream), at: .host("127.0.0.1", port: tokenPort), upstream: target)
        case .ended(let summary): endings.yield(summary.cause)
        default: break
        }
      }
    }
  }
  let atPrivateSide = Task {
    for await var news in privateSide.events {
      while let event = news.next() {
        if case .ended(let summary) = event { endings.yield(summary.cause) }
      }
    }
  }
  func use(_ count: Int) async throws {
    try await exchange(count, clientPort: clientPort, server: server)
    var missing = role == .chain ? 2 * count : count
    for await cause in ended {
      #expect(cause == .finished)
      missing -= 1
      if missing == 0 { break }
    }
    #expect(edge.snapshot().streams == 0 && privateSide.snapshot().streams == 0)
  }
  // The first streams fill what is kept for the next ones: slots, tables, the allocator's own.
  try await use(warmUp)
  let (descriptors, memory, threads) = (OwnProcess.descriptors(), OwnProcess.residentBytes(), OwnProcess.loopThreads())
  try await use(total)
  try await eventually("the same descriptors are open") { OwnProcess.descriptors() == descriptors }
  #expect(OwnProcess.loopThreads() == threads)
  let more = OwnProcess.residentBytes() - memory
  #expect(OwnProcess.isSanitized || more < 128 * total, "\(more) bytes more after \(total) streams")
  await edge.stop()
  await privateSide.stop()
  await atEdge.value
  await atPrivateSide.value
  #expect(edge.snapshot().ended == [.finished: UInt64(warmUp + total)])
  // The kernel lists a thread for a moment after it was joined.
  try await eventually("no loop is left") { OwnProcess.loopThreads() == 0 }
}

/// So many connections that say hello, get it back, and end; a few at a time.
private func exchange(_ count: Int, clientPort: Int, server: TestServer) async throws {
  try await withThrowingTaskGroup { group in
    for _ in 0..<workers {
      group.addTask {
        try await onThread {
          for _ in 0..<(count / workers) {
            let socket = try server.acceptNow()
            while true {
              let bytes = try socket.readNow(4096)
              if bytes.isEmpty { break }
              try socket.writeNow(bytes)
            }
          }
        }
      }
      group.addTask {
        try await onThread {
          for _ in 0..<(count / workers) {
            let client = try TestSocket.connect(port: clientPort)
            try client.writeNow(hello)
            client.endWriting()
            var answer: [UInt8] = []
            while true {
              let bytes = try client.readNow(4096)
              if bytes.isEmpty { break }
              answer += bytes
            }
            guard answer == hello else { throw TimedOut(description: "not the hello: \(answer)") }
          }
        }
      }
    }
    try await group.waitForAll()
  }
}
