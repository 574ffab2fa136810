import Logging
import Operations
import Settings
import Synchronization
import Testing

@testable import Wiring

@Suite struct SettingsReloadTests {
  private let log = LogLines()

  private func check(_ read: @escaping @Sendable () throws(SettingsRejected) -> Int) -> [String] {
    SettingsReload(inForce: 1, logger: log.logger, read: read).check()
    return log.all
  }

  @Test func whatIsInForceAlreadyIsNotWorthALine() {
    #expect(check { () throws(SettingsRejected) in 1 } == [])
  }

  @Test func aChangeWaitsForTheNextStart() {
    #expect(check { () throws(SettingsRejected) in 2 } == ["warning the settings have changed: they take effect at the next start"])
  }

  @Test func everyProblemIsALine() throws {
    let failure = #expect(throws: SettingsFailure.self) {
      _ = try SettingsLoader.load(
        sources: "/nonexistent-a:/nonexistent-b", variableName: "X_SETTINGS", environment: [:], workingDirectory: "/")
    }
    let rejected = SettingsRejected(failure: try #require(failure))
    let lines = check { () throws(SettingsRejected) in throw rejected }
    #expect(lines.count == rejected.lines.count)
    #expect(lines.allSatisfy { $0.hasPrefix("error the settings cannot be used at the next start") })
  }
}

/// Keeps log lines; `lines` is behind its mutex.
private final class LogLines: LogHandler, Sendable {
  private let lines = Mutex<[String]>([])

  var logger: Logger { Logger(label: "test") { _ in self } }
  var all: [String] { lines.withLock { $0 } }

  var logLevel: Logger.Level {
    get { .info }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  subscript(metadataKey _: String) -> Logger.MetadataValue? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    lines.withLock { $0.append("\(event.level) \(event.message)") }
  }
}
