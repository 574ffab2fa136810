import GRPCCore
import HyperModel
import NIOCore
import NIOPosix
import Operations
import Testing

@testable import HyperGRPC

/// The driver of the queue, without a network.
@Suite(.timeLimit(.minutes(1))) struct ServerCallStreamTests {
  private static let message = WireMessage(bytes: [1])
  private static func refusal(_ text: String) -> ServerCallStream.Refusal { .init(failure: CallFailure(text)) }

  private func stream(
    _ order: ServerCallQueue.Order, node: String? = nil, overdue: Duration = .seconds(30), queued: Int = 64
  ) -> ServerCallStream {
    var limits = GRPCLimits()
    limits.overdueTime = overdue
    limits.queuedCalls = queued
    return ServerCallStream(peer: "p", node: node, order: order, limits: limits, eventLoop: MultiThreadedEventLoopGroup.singleton.any())
  }

  @Test func theEndFailsEveryCallAtOnceWithTheReason() async throws {
    let stream = stream(.matched(limit: 1), queued: 1)
    try await withThrowingTaskGroup(of: ServerCallStream.Refusal?.self) { group in
      for id in ["a", "b", "c"] {
        group.addTask {
          await #expect(throws: ServerCallStream.Refusal.self) {
            try await stream.ask(Self.message, id: id, deadline: .now + .seconds(60))
          }
        }
      }
      // One is sent and one waits, in whatever order they come, or the third would not be refused.
      let third = try await group.next()
      #expect(third == Self.refusal("1 calls wait for p already"))
      stream.end(RPCError(code: .unavailable, message: "gone"))
      stream.end(RPCError(code: .unavailable, message: "the second reason does not count"))
      // The one that waited was not sent, but it fails like the other: the next stream may be far.
      for try await refusal in group { #expect(refusal == Self.refusal("the connection to p ended: gone")) }
    }
    #expect(stream.endReason?.message == "gone")
    await #expect(throws: ServerCallStream.Refusal(failure: CallFailure("the stream to p ended: gone"), isUnsent: true)) {
      try await stream.ask(Self.message, id: "c", deadline: .now + .seconds(60))
    }
  }

  @Test func inOrderAnAnswerThatNeverComesEndsTheStream() async throws {
    let stream = stream(.inOrder, overdue: .milliseconds(20))
    await #expect(throws: Self.refusal("p did not answer in time")) {
      try await stream.ask(Self.message, id: "a", deadline: .now + .milliseconds(20))
    }
    // The iteration ends when the stream does.
    for await _ in stream.outgoing {}
    #expect(stream.endReason?.code == .deadlineExceeded)
  }

  @Test func aCancelledCallEndsAtOnce() async throws {
    let stream = stream(.matched(limit: 1))
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await #expect(throws: Self.refusal("the call was cancelled")) {
          try await stream.ask(Self.message, id: "a", deadline: .now + .seconds(60))
        }
      }
      for await _ in stream.outgoing { break }
      group.cancelAll()
    }
  }

  @Test func aPassedDeadlineSendsNothing() async throws {
    let stream = stream(.inOrder)
    await #expect(throws: Self.refusal("no time left to ask p")) { try await stream.ask(Self.message, id: "a", deadline: .now) }
    let answer = stream.received(Self.message, id: "a")
    #expect(answer == .unexpected)
  }

  /// A peer that does not read is not to work off later what nobody waits for any more.
  @Test(arguments: [true, false]) func whatIsGivenUpBeforeItIsWrittenIsNotWritten(isMatched: Bool) async throws {
    let stream = stream(isMatched ? .matched(limit: 1) : .inOrder)
    await #expect(throws: ServerCallStream.Refusal.self) {
      try await stream.ask(WireMessage(bytes: [1]), id: "a", deadline: .now + .milliseconds(20))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try? await stream.ask(WireMessage(bytes: [2]), id: "b", deadline: .now + .seconds(60)) }
      // In order the place of the first is kept, because the next answer is its own.
      for await _ in stream.outgoing {
        guard let message = stream.nextUnsent() else { continue }
        #expect(message == WireMessage(bytes: [isMatched ? 2 : 1]))
        break
      }
      #expect(stream.nextUnsent() == nil)
      stream.end(RPCError(code: .unavailable, message: "gone"))
      #expect(stream.ended.isRaised)
      try await group.waitForAll()
    }
  }

  @Test func aReplacedStreamGivesItsLastAnswerAndEnds() async throws {
    let stream = stream(.matched(limit: 1))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        let answer = try await stream.ask(Self.message, id: "a", deadline: .now + .seconds(60))
        #expect(answer == WireMessage(bytes: [2]))
      }
      for await _ in stream.outgoing { break }
      stream.retire()
      #expect(stream.endReason == nil)
      _ = stream.received(WireMessage(bytes: [2]), id: "a")
      #expect(stream.endReason?.code == .aborted)
      try await group.waitForAll()
    }
  }

  @Test func whatWaitsForAReplacedStreamMayGoOverTheNextOne() async throws {
    let stream = stream(.inOrder)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { _ = try? await stream.ask(Self.message, id: "out", deadline: .now + .seconds(60)) }
      for await _ in stream.outgoing { break }
      group.addTask {
        let refusal = await #expect(throws: ServerCallStream.Refusal.self) {
          try await stream.ask(Self.message, id: "waiting", deadline: .now + .seconds(60))
        }
        #expect(refusal?.isUnsent == true)
        stream.end(RPCError(code: .unavailable, message: "gone"))
      }
      // Whether it waits already or comes later, it is not sent.
      stream.retire()
    }
  }

  @Test func registeringReplacesAndTheOldEndLeavesTheNewOne() {
    let registry = StreamRegistry()
    let (old, new) = (stream(.inOrder), stream(.inOrder))
    #expect(registry.register(old))
    #expect(registry.register(new))
    #expect(old.endReason?.code == .aborted)
    registry.remove(old)
    #expect(registry["p"] === new)
    registry.close(RPCError(code: .unavailable, message: "stopping"))
    #expect(new.endReason?.code == .unavailable)
    #expect(!registry.register(old))
  }

  @Test func nodesOfOneOperatorStandSideBySideAndEachIsReachedByItsName() {
    let connections = PeerConnections()
    let registry = StreamRegistry(connections: connections)
    let (one, two, again) = (stream(.inOrder, node: "one"), stream(.inOrder, node: "two"), stream(.inOrder, node: "one"))
    #expect(registry.register(one))
    #expect(registry.register(two))
    #expect(registry["p", "one"] === one)
    #expect(registry["p", "two"] === two)
    // Whoever names none, or one that is not there, gets the newest.
    #expect(registry["p"] === two)
    #expect(registry["p", "three"] === two)
    #expect(connections.view.peers == [.init(name: "p", node: "one"), .init(name: "p", node: "two")])
    #expect(registry.register(again))
    #expect(one.endReason?.code == .aborted)
    #expect(registry["p", "one"] === again)
    registry.remove(one)
    registry.remove(two)
    #expect(registry["p", "two"] === again)
    #expect(connections.view.peers == [.init(name: "p", node: "one")])
    registry.remove(again)
    #expect(registry["p"] == nil)
    #expect(connections.view.peers.isEmpty)
  }
}
