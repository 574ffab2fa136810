import Glibc
import Harness
import Testing

@testable import Relay

/// Back-pressure: a reader that pauses stops its sender, costs neither memory nor CPU meanwhile, and loses nothing. In a process of its
/// own, because memory and CPU are those of a process.
@Suite(.timeLimit(.minutes(10)), .ownThreads)
struct PauseTests {
  struct Case: Codable, Sendable, CustomTestStringConvertible {
    let role: Role
    let pipes: Int
    let readerIsServer: Bool
    var testDescription: String {
      "\(role.rawValue), \(pipes > 0 ? "spliced" : "copied"), the \(readerIsServer ? "server" : "client") pauses"
    }
  }

  @Test(arguments: [
    Case(role: .publicRoute, pipes: 64, readerIsServer: false), Case(role: .publicRoute, pipes: 0, readerIsServer: true),
    Case(role: .privateSide, pipes: 64, readerIsServer: true), Case(role: .privateSide, pipes: 0, readerIsServer: false),
  ])
  func aReaderThatPausesInTheMiddleOfBulkCostsNothing(example: Case) async {
    await #expect(processExitsWith: .success) { [example = example as Case] in
      await OwnProcess.run(minutes: 5) { try await pauseInTheMiddle(example) }
    }
  }
}

private let volume = 256 << 20
/// Turns of the loop that a spinning one would make in 5 s take all of a core, or what others leave of it: far more than this.
private let idleShare = 0.05

private func pauseInTheMiddle(_ example: PauseTests.Case) async throws {
  let hop = try Hop(
    example.role,
    .forTests {
      $0.loops = 1
      $0.pipesPerLoop = example.pipes
    })
  let (client, server) = try await hop.connected()
  let (reader, writer) = example.readerIsServer ? (server, client) : (client, server)
  let bulk = Bulk(seed: 11)
  let start = OwnProcess.residentBytes()
  async let writing: Void = onThread {
    try bulk.write(volume, to: writer)
    writer.endWriting()
  }
  let half = try await onThread { try bulk.read(volume / 2, of: reader) }
  #expect(half == volume / 2)
  // What the kernel still takes is delivered meanwhile: a few MiB, some milliseconds.
  let (cpu, clock) = (OwnProcess.loopCPU(), ContinuousClock.now)
  let before = OwnProcess.residentBytes()
  try await Task.sleep(for: .seconds(5))
  let used = OwnProcess.loopCPU() - cpu
  let paused = ContinuousClock.now - clock
  let after = OwnProcess.residentBytes()
  #expect(used < paused * idleShare, "the loop used \(used) in \(paused)")
  #expect(OwnProcess.isSanitized || after - before < 4 << 20, "\(after - before) bytes more after the pause")
  #expect(OwnProcess.isSanitized || after - start < 16 << 20, "\(after - start) bytes more than at the start")
  let delivered = hop.engines[0].snapshot().bytesUp + hop.engines[0].snapshot().bytesDown
  #expect(delivered < volume, "the sender was stopped")

  let rest = try await onThread { try bulk.read(from: half, of: reader) }
  #expect(half + rest == volume)
  _ = try await writing
  reader.endWriting()
  #expect(try await hop.ended() == [.finished])
  #expect((hop.bytesSpliced > 0) == (example.pipes > 0))
  #expect(hop.bytesParked == 0)
  #expect(OwnProcess.isSanitized || OwnProcess.residentBytes() - start < 16 << 20)
  await hop.stop()
}
