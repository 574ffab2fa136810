import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Operations

/// Accepting in a process that has not one descriptor left. In a process of its own, because the limit is the process's.
struct AcceptGateTests {
  @Test func whoCannotAcceptDoesNotAskAtEveryTurnOfTheLoop() async {
    await #expect(processExitsWith: .success) {
      alarm(60)
      do {
        try await acceptWithoutDescriptors()
      } catch {
        Issue.record(error)
      }
    }
  }
}

private func acceptWithoutDescriptors() async throws {
  let (rests, accepted) = (Tally(), Tally())
  let errors = Tally()
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let server = try await ServerBootstrap(group: group)
    .serverChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandlers([ErrorTally(errors), AcceptGate { _ in rests.add() }])
      }
    }
    .serverChannelOption(ChannelOptions.maxMessagesPerRead, value: 1)
    .childChannelInitializer { channel in
      accepted.add()
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    .bind(host: "127.0.0.1", port: 0).get()
  let port = try #require(server.localAddress?.port)
  let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  var taken: [Int32] = []
  var limit = rlimit(rlim_cur: 256, rlim_max: 256)
  #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
  while case let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC), descriptor >= 0 { taken.append(descriptor) }
  // The server had been told to accept before the last descriptor was gone.
  connect(client, to: port)
  await rests.reach(5)
  // One error, and rests until there is hope: anything more was asked for in vain.
  #expect(errors.count <= rests.count)
  #expect(accepted.count == 0)
  for descriptor in taken { close(descriptor) }
  await accepted.reach(1)
  close(client)
  try await server.close()
}

private func connect(_ descriptor: Int32, to port: Int) {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(UInt16(port)).bigEndian
  address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
  }
  #expect(result == 0)
}

/// Counts events; whoever waits for a number of them goes on when it is reached. `state` is behind its mutex.
private final class Tally: Sendable {
  private let state = Mutex((count: 0, waiters: [(Int, CheckedContinuation<Void, Never>)]()))

  var count: Int { state.withLock { $0.count } }

  func add() {
    let due = state.withLock { state in
      state.count += 1
      let count = state.count
      defer { state.waiters.removeAll { $0.0 <= count } }
      return state.waiters.filter { $0.0 <= count }
    }
    for waiter in due { waiter.1.resume() }
  }

  func reach(_ number: Int) async {
    await withCheckedContinuation { continuation in
      let isReached = state.withLock { state in
        if state.count < number { state.waiters.append((number, continuation)) }
        return state.count >= number
      }
      if isReached { continuation.resume() }
    }
  }
}

/// Counts the errors that the listening channel meets. Confined to its event loop.
private final class ErrorTally: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private let tally: Tally

  init(_ tally: Tally) {
    self.tally = tally
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    tally.add()
    context.fireErrorCaught(error)
  }
}
