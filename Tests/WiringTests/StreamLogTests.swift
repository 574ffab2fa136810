import Logging
import Settings
import Synchronization
import Testing

@testable import Operations
@testable import Relay
@testable import Wiring

/// What is said about the ends of streams, at which level.
@Suite struct StreamLogTests {
  private final class Lines: Sendable {
    private let collected = Mutex<[String]>([])
    var sink: LogSink { LogSink { bytes in self.collected.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } } }
    var all: [String] { collected.withLock { $0 } }
  }

  private let lines = Lines()

  private func log(_ level: Logger.Level) -> StreamLog {
    var logger = Logger(label: "proxy") { [lines] in LineLogHandler(label: $0, format: .text, sink: lines.sink) }
    logger.logLevel = level
    return StreamLog(logger: logger, addresses: ClientAddresses(PrivacySettings()))
  }

  private let stream = StreamID(loop: 0, slot: 2, generation: 3)

  @Test func aRefusalThatIsNotTheClientsDoingIsANotice() {
    let log = log(.notice)
    log.ended(.neverStarted(stream, .privateSideRefused, detail: "no"))
    log.ended(.neverStarted(stream, .unknownName))
    log.ended(.neverStarted(stream, .finished))
    #expect(lines.all.count == 1)
    #expect(lines.all.first?.contains("NOTICE proxy: stream refused") == true)
    #expect(lines.all.first?.contains("cause=private_side_refused detail=no fault=upstream") == true)
  }

  @Test func everyOtherEndIsInformation() {
    let log = log(.info)
    log.ended(.neverStarted(stream, .unknownName))
    log.ended(.neverStarted(stream, .finished))
    #expect(lines.all.map { $0.split(separator: " ")[1] } == ["INFO", "INFO"])
  }
}
