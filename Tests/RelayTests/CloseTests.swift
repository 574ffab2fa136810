import Glibc
import Harness
import Testing

@testable import Relay

/// FIN as FIN, RST as RST, half-close in both directions, nothing lost: at each kind of engine by itself, and at both in a row.
@Suite(.timeLimit(.minutes(5)))
struct CloseTests {
  @Test(arguments: Role.allCases) func aClientThatEndsItsHalfStillGetsALateMebibyte(role: Role) async throws {
    let hop = try Hop(role)
    let (client, server) = try await hop.connected()
    client.endWriting()
    #expect(try await server.readToEnd() == [])
    let late = Pattern.bytes(1 << 20, seed: 5)
    async let reading = client.readToEnd()
    try await server.write(late)
    server.endWriting()
    #expect(try await reading == late)
    #expect(try await hop.ended().allSatisfy { $0 == .finished })
    await hop.stop()
  }

  @Test(arguments: Role.allCases) func aServerThatEndsItsHalfStillGetsWhatTheClientSends(role: Role) async throws {
    let hop = try Hop(role)
    let (client, server) = try await hop.connected()
    server.endWriting()
    #expect(try await client.readToEnd() == [])
    let late = Pattern.bytes(80 << 10, seed: 6)
    async let reading = server.readToEnd()
    try await client.write(late)
    client.endWriting()
    #expect(try await reading == late)
    #expect(try await hop.ended().allSatisfy { $0 == .finished })
    await hop.stop()
  }

  @Test(arguments: Role.allCases) func aResetOfTheClientIsAResetForTheServer(role: Role) async throws {
    let hop = try Hop(role)
    let (client, server) = try await hop.connected()
    client.reset()
    #expect(try await server.readUntilFailure() == ECONNRESET)
    #expect(try await hop.ended().allSatisfy { $0 == .clientReset })
    await hop.stop()
  }

  @Test(arguments: Role.allCases) func aResetOfTheServerIsAResetForTheClient(role: Role) async throws {
    let hop = try Hop(role)
    let (client, server) = try await hop.connected()
    server.reset()
    #expect(try await client.readUntilFailure() == ECONNRESET)
    #expect(try await hop.ended().allSatisfy { $0 == .upstreamReset })
    await hop.stop()
  }

  @Test(arguments: Role.allCases) func aResetBehindAHalfCloseIsStillAReset(role: Role) async throws {
    let hop = try Hop(role)
    let (client, server) = try await hop.connected()
    client.endWriting()
    #expect(try await server.readToEnd() == [])
    server.reset()
    #expect(try await client.readUntilFailure() == ECONNRESET)
    await hop.stop()
  }

  @Test(arguments: Role.allCases) func aResetOfWhoHasEndedItsHalfIsStillAReset(role: Role) async throws {
    let hop = try Hop(role)
    let (client, server) = try await hop.connected()
    client.endWriting()
    #expect(try await server.readToEnd() == [])
    client.reset()
    // The server's half is open, so writing is how it finds out. The first bytes may meet a socket that is not yet reset.
    let code = try await onThread { () -> Int32 in
      do {
        while true { try server.writeNow([UInt8](repeating: 0, count: 1024)) }
      } catch let failure as SystemFailure {
        return failure.code
      }
    }
    #expect(code == ECONNRESET || code == EPIPE)
    await hop.stop()
  }

  @Test(arguments: Role.allCases) func aResetPassesAReaderThatDoesNotRead(role: Role) async throws {
    let hop = try Hop(role)
    let (client, server) = try await hop.connected()
    _ = try await onThread { try Bulk(seed: 9).fill(client) }
    client.reset()
    #expect(try await hop.ended().allSatisfy { $0 == .clientReset })
    #expect(try await server.readUntilFailure() == ECONNRESET)
    await hop.stop()
  }

  @Test(arguments: Role.allCases) func aSlowReaderStopsTheSenderAndLosesNothing(role: Role) async throws {
    let hop = try Hop(role)
    let bulk = Bulk(seed: 9)
    let (client, server) = try await hop.connected()
    let sent = try await onThread { try bulk.fill(client) }
    // What the kernel buffers of three hops hold, and two spills of 64 KiB: no heap that grows.
    #expect(sent < 64 << 20)
    client.endWriting()
    #expect(try await onThread { try bulk.read(of: server) } == sent)
    server.endWriting()
    #expect(try await client.readToEnd() == [])
    #expect(try await hop.ended().allSatisfy { $0 == .finished })
    await hop.stop()
  }

  @Test(arguments: Role.single) func aCancelledStreamIsResetAtBothEnds(role: Role) async throws {
    let hop = try Hop(role)
    let (client, server) = try await hop.connected()
    hop.engines[0].cancel(try await hop.joined())
    #expect(try await client.readUntilFailure() == ECONNRESET)
    #expect(try await server.readUntilFailure() == ECONNRESET)
    #expect(try await hop.ended() == [.cancelled])
    await hop.stop()
  }
}
