import Announcements
import Glibc
import Logging
import Operations
import Relay
import ServiceLifecycle
import Settings
import Synchronization
import Testing

@testable import PrivateProxy

/// Looks at real sockets.
@Suite(.timeLimit(.minutes(1))) struct HealthWatchTests {
  /// A port that is bound; it takes connections when it listens.
  private final class Port: Sendable {
    let descriptor: Int32
    let number: Int

    init(listening: Bool) throws {
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let descriptor = descriptor
      let isBound = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
        }
      }
      try #require(isBound)
      number = Int(UInt16(bigEndian: address.sin_port))
      if listening { listen() }
    }

    func listen() { _ = Glibc.listen(descriptor, 8) }

    deinit { close(descriptor) }
  }

  @Test func aProbeSaysWhetherAServerTakesConnections() async throws {
    let (there, away) = (try Port(listening: true), try Port(listening: false))
    let probe = ServerProbe(dialFrom: [])
    #expect(await probe.failure(of: .host("127.0.0.1", port: there.number), within: .seconds(20)) == nil)
    #expect(await probe.failure(of: .host("localhost", port: there.number), within: .seconds(20)) == nil)
    let refused = await probe.failure(of: .host("127.0.0.1", port: away.number), within: .seconds(20))
    #expect(refused?.contains("refused") == true, "\(refused ?? "it worked")")
    #expect(await probe.failure(of: .unix(path: "/nonexistent/socket"), within: .seconds(20)) != nil)
    #expect(await probe.failure(of: .host("127.0.0.1", port: there.number), within: .seconds(20)) == nil)
    let bound = ServerProbe(dialFrom: ["::1", "127.0.0.1"])
    #expect(await bound.failure(of: .host("127.0.0.1", port: there.number), within: .seconds(20)) == nil)
  }

  @Test func aServerThatGoesAndComesBackIsToldEachTimeOnce() async throws {
    let port = try Port(listening: false)
    let settings = HealthSettings(rules: HealthRules(interval: .milliseconds(10), rise: 2, fall: 2), timeout: .seconds(20))
    let watch = HealthWatch(
      settings, of: ["server": .host("127.0.0.1", port: port.number)], dialFrom: [],
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, metrics: MetricsRegistry())
    let (changes, change) = AsyncStream<Set<String>>.makeStream()
    watch.onChange { [weak watch] in change.yield(watch?.down ?? []) }
    #expect(watch.down.isEmpty)
    let running = Task { try await watch.run() }
    var iterator = changes.makeAsyncIterator()
    #expect(await iterator.next() == ["server"])
    port.listen()
    #expect(await iterator.next() == [])
    running.cancel()
    _ = try? await running.value
  }
}
