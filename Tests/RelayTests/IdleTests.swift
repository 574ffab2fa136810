import Glibc
import Harness
import Testing

@testable import Relay

/// The idle clock: one per stream, whatever the state of its directions.
@Suite(.timeLimit(.minutes(10)))
struct IdleTests {
  /// Long enough for a connection to be made and used once on a busy machine.
  private static let idle = Duration.seconds(4)

  private func hop(_ role: Role, idle: Duration = Self.idle) throws -> Hop { try Hop(role, .forTests { $0.idleTimeout = idle }) }

  @Test(arguments: Role.single) func anIdleStreamIsResetAtBothEnds(role: Role) async throws {
    let hop = try hop(role)
    let (client, server) = try await hop.connected()
    #expect(try await client.readUntilFailure() == ECONNRESET)
    #expect(try await server.readUntilFailure() == ECONNRESET)
    #expect(try await hop.ended() == [.idle])
    #expect(EndCause.idle.fault == .none)
    await hop.stop()
  }

  @Test(arguments: Role.single, [End.downstream, .upstream])
  func aHalfCloseIsBoundedByTheIdleClock(role: Role, ends: End) async throws {
    let hop = try hop(role)
    let (client, server) = try await hop.connected()
    let (early, late) = ends == .downstream ? (client, server) : (server, client)
    early.endWriting()
    // The other half says nothing, and both ends learn that it is over; one of them has seen an end before.
    let code = try await late.readUntilFailure()
    #expect(code == 0 || code == ECONNRESET)
    #expect(try await early.readUntilFailure() == ECONNRESET)
    #expect(try await hop.ended() == [.idle])
    await hop.stop()
  }

  @Test(arguments: Role.single, [Direction.up, .down])
  func bytesInOneDirectionKeepTheWholeStreamAlive(role: Role, direction: Direction) async throws {
    // On a machine so busy that our own pauses come near the idle time, nothing is proved either way, and it is tried again with a longer
    // one. Not with any: the calls of a test's socket end after a minute.
    for attempt in 0..<8 {
      let idle = Self.idle * (1 << min(attempt, 3))
      let hop = try hop(role, idle: idle)
      var pauses = Pauses()
      do {
        try await keepAlive(hop, direction, idle, &pauses)
      } catch {
        guard pauses.longest >= idle / 2 else { throw error }
        await hop.stop()
        continue
      }
      let wasTold = pauses.longest < idle / 2
      await hop.stop()
      if wasTold { return }
    }
    Issue.record("the machine was too busy to tell")
  }

  /// Uses one stream in one direction until another one, beside it, has ended by its idle time.
  private func keepAlive(_ hop: Hop, _ direction: Direction, _ idle: Duration, _ pauses: inout Pauses) async throws {
    pauses = Pauses()
    let silent = try await hop.connected()
    let used = try await hop.connected()
    let (source, sink) = direction == .up ? (used.client, used.server) : (used.server, used.client)
    let ends = Counter()
    let ending = Task {
      let code = try await silent.client.readUntilFailure()
      _ = ends.next()
      return code
    }
    for round in 0... {
      try source.writeNow([UInt8(truncatingIfNeeded: round)])
      guard try await sink.read(1) == [UInt8(truncatingIfNeeded: round)] else { throw TimedOut(description: "the used stream ended") }
      pauses.passed()
      // Once more after the other one's end.
      if ends.current == 1 { break }
      try await Task.sleep(for: idle / 20)
    }
    #expect(try await ending.value == ECONNRESET)
    withExtendedLifetime(silent.server) {}
  }

  @Test(arguments: Role.single, [Duration.zero, .seconds(600)])
  func aStreamThatStaysHasBothPeersProbedByTheKernel(role: Role, idle: Duration) async throws {
    let hop = try Hop(
      role,
      .forTests {
        $0.idleTimeout = idle
        $0.keepaliveIdle = .seconds(2)
      })
    let (client, server) = try await hop.connected()
    for socket in [client, server] {
      try await eventually("the kernel probes \(role.rawValue)'s peer") { socket.isProbedByItsPeer }
    }
    await hop.stop()
  }

  @Test(arguments: Role.single) func withoutAnIdleTimeNothingEnds(role: Role) async throws {
    let patient = try hop(role, idle: .zero)
    let (client, server) = try await patient.connected()
    // Another engine tells that a time has passed which is one.
    let short = try hop(role, idle: .milliseconds(500))
    let other = try await short.connected()
    #expect(try await short.ended() == [.idle])
    try client.writeNow([1])
    #expect(try await server.read(1) == [1])
    try server.writeNow([2])
    #expect(try await client.read(1) == [2])
    withExtendedLifetime(other) {}
    await patient.stop()
    await short.stop()
  }
}

extension TestSocket {
  /// Whether the socket at the other end of this connection waits to send a keepalive probe: timer 2 of proc_net_tcp(5). Its
  /// keys are the two ports, in hexadecimal.
  fileprivate var isProbedByItsPeer: Bool {
    let ports = [getpeername, getsockname].map { ask in
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      _ = withUnsafeMutablePointer(to: &storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { ask(descriptor, $0, &length) }
      }
      let digits = String(PeerAddress(storage).port, radix: 16, uppercase: true)
      return ":" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    guard let file = fopen("/proc/net/tcp", "r") else { return false }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    while fgets(&line, Int32(line.count), file) != nil {
      let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
      guard fields.count > 5, fields[1].hasSuffix(ports[0]), fields[2].hasSuffix(ports[1]) else { continue }
      return fields[5].hasPrefix("02:")
    }
    return false
  }
}

/// The longest time between two moments.
private struct Pauses {
  private var last = ContinuousClock.now
  private var longestSeen = Duration.zero

  var longest: Duration { max(longestSeen, ContinuousClock.now - last) }

  mutating func passed() {
    longestSeen = longest
    last = .now
  }
}
