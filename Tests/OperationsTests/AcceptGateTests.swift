import Glibc
import Harness
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Operations

/// Accepting without a single descriptor left. In a process of its own, because the limit is the process's.
struct AcceptGateTests {
  @Test(.ownThreads) func whoCannotAcceptDoesNotAskAtEveryTurnOfTheLoop() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 1) { try await acceptWithoutDescriptors() }
    }
  }
}

private func acceptWithoutDescriptors() async throws {
  let rests = Counter()
  let (arrivals, arrival) = AsyncStream<Void>.makeStream()
  let errors = ErrorCount()
  let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .serverChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandlers([errors, AcceptGate { _ in rests.increment() }])
      }
    }
    .serverChannelOption(ChannelOptions.maxMessagesPerRead, value: 1)
    .childChannelInitializer { channel in
      arrival.yield()
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    .bind(host: "127.0.0.1", port: 0).get()
  let port = try #require(server.localAddress?.port)
  let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  try await OwnProcess.limitDescriptors(to: 256)
  let limit = ContinuousClock.now + .seconds(30)
  let taken = OwnProcess.takeAllDescriptors()
  // This thread keeps waiting by itself, and not for long: what carries out tasks ends the process when work waits and it finds no descriptor.
  try OwnProcess.connect(client, to: port)
  while rests.value < 3, ContinuousClock.now < limit { usleep(5000) }
  let (rested, failed) = (rests.value, errors.count)
  for descriptor in taken { close(descriptor) }
  #expect(rested >= 3)
  // One if the server was told to accept before the last descriptor was gone, which is chance; none if it rested from the start.
  #expect(failed <= 1, "it asks again when there is hope")
  for await _ in arrivals { break }
  try await server.close()
}

/// Counts the errors that a listening channel meets.
private final class ErrorCount: ChannelInboundHandler, Sendable {
  typealias InboundIn = any Channel

  private let errors = Atomic<Int>(0)
  var count: Int { errors.load(ordering: .sequentiallyConsistent) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    errors.add(1, ordering: .sequentiallyConsistent)
    context.fireErrorCaught(error)
  }
}
