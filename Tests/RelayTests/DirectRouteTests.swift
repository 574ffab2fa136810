import ClientHello
import Glibc
import Testing

@testable import Relay

/// Routes that the loops ask for themselves.
@Suite(.timeLimit(.minutes(5)))
struct DirectRouteTests {
  private static func side(_ target: DialTarget, _ change: (inout RelaySettings) -> Void = { _ in }) throws -> PublicSide {
    try PublicSide(
      .forTests {
        $0.loops = 1
        $0.decide = { $0.serverName == "a.example" ? .route(target) : .ask }
        change(&$0)
      })
  }

  /// The first client has the address looked up, the second one is connected without a plan.
  @Test func clientsReachTheServerAndNobodyIsAsked() async throws {
    let server = try TestServer()
    let side = try Self.side(server.target)
    server.echo(2)
    let hello = Hello.bytes(for: "a.example")
    for number in 1...2 {
      let client = try side.client(saying: hello)
      client.endWriting()
      #expect(try await client.readToEnd() == hello)
      _ = try await side.log.first("end \(number)") { [log = side.log] _ in log.all.ends.count == number ? true : nil }
    }
    #expect(side.log.all.ends.allSatisfy { $0.cause == .finished && $0.serverName == "a.example" })
    #expect(!side.log.all.contains { if case .helloArrived = $0 { true } else { false } })
    #expect(side.engine.snapshot().dialsStarted == 2)
    await side.engine.stop()
  }

  @Test func aServerThatIsGoneGivesAlert80AndItsAddressInTheMessage() async throws {
    let dead = try DeadPort()
    let side = try Self.side(dead.target)
    for number in 1...2 {
      let client = try side.client()
      #expect(try await client.readToEnd() == alert80)
      client.endWriting()
      let end = try await side.log.first("end \(number)") { [log = side.log] _ in log.all.ends.count == number ? log.all.ends.last : nil }
      #expect(end.cause == .upstreamUnreachable)
      #expect(end.detail?.hasPrefix("dial \(dead.target): 127.0.0.1:") == true, "\(end.detail ?? "nothing")")
    }
    #expect(side.engine.snapshot().dialsFailed == 2)
    await side.engine.stop()
    withExtendedLifetime(dead) {}
  }

  @Test func otherNamesAreLeftToTheControlPlane() async throws {
    let server = try TestServer()
    let side = try Self.side(server.target)
    let client = try side.client(saying: Hello.bytes(for: "b.example"))
    let stream = try await side.log.hello()
    side.engine.refuse(stream, with: .unrecognizedName, cause: .unknownName)
    #expect(try await client.readToEnd() == TLSAlert.unrecognizedName.record)
    await side.engine.stop()
  }
}

extension [RelayEvent] {
  fileprivate var ends: [StreamSummary] {
    compactMap { if case .ended(let summary) = $0 { summary } else { nil } }
  }
}
