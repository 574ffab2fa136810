import Foundation
import Logging
import Synchronization
import Testing

@testable import Operations

/// Collects lines instead of writing them.
final class LineCollector: Sendable {
  private let collected = Mutex<[String]>([])

  var sink: LogSink {
    LogSink { bytes in self.collected.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
  }

  var lines: [String] { collected.withLock { $0 } }
}

struct LineLogHandlerTests {
  private let collector = LineCollector()

  private func logger(_ format: LogFormat) -> Logger {
    Logger(label: "proxy") { [collector] in
      LineLogHandler(label: $0, format: format, sink: collector.sink) { WallTime(milliseconds: 1_795_397_808_099) }
    }
  }

  @Test func aTextLineHasTimeLevelProgramMessageAndSortedKeys() {
    logger(.text).info("stream ended", metadata: ["name": "a.example", "bytes_up": "12", "cause": "peer closed"])
    #expect(collector.lines == ["2026-11-23T01:36:48.099Z INFO proxy: stream ended bytes_up=12 cause=\"peer closed\" name=a.example\n"])
  }

  @Test func peerTextCannotBreakTheLineOrForgeAKey() {
    logger(.text).warning("refused\nERROR proxy: forged", metadata: ["name": "a\" level=x\r\n\u{1B}[2J\u{202E}", "a b=c": ""])
    #expect(
      collector.lines == [
        "2026-11-23T01:36:48.099Z WARNING proxy: refused\\nERROR proxy: forged a_b_c=\"\" name=\"a\\\" level=x\\r\\n\\u{1b}[2J\\u{202e}\"\n"
      ])
  }

  @Test func eventKeysWinOverTheLoggersKeys() {
    var logger = logger(.text)
    logger[metadataKey: "id"] = "1"
    logger[metadataKey: "role"] = "public"
    logger.error("x", metadata: ["id": "2"])
    #expect(collector.lines[0].hasSuffix("ERROR proxy: x id=2 role=public\n"))
  }

  @Test func theErrorOfAnEventIsAKey() {
    logger(.text).error("cannot listen", error: StartFailure("port in use"))
    #expect(collector.lines[0].hasSuffix("cannot listen error=\"port in use\"\n"))
  }

  @Test func levelsBelowTheSetOneAreSilent() {
    var logger = logger(.text)
    logger.logLevel = .warning
    logger.info("no")
    #expect(collector.lines.isEmpty)
  }

  @Test func aJSONLineIsOneObjectThatParsesWhateverIsInIt() throws {
    let nasty = "\"\\\n\u{0}\u{7F}\u{2028}😀"
    logger(.json).notice("message \(nasty)", metadata: ["key \"": "\(nasty)", "level": "own", "list": ["a", "b"]])
    let line = try #require(collector.lines.first)
    #expect(line.filter { $0 == "\n" }.count == 1)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
    #expect(object["message"] == "message \(nasty)")
    #expect(object["key \""] == nasty)
    #expect(object["level"] == "notice")
    #expect(object["level_"] == "own")
    #expect(object["time"] == "2026-11-23T01:36:48.099Z")
    #expect(object["label"] == "proxy")
  }

  @Test func longValuesAreCut() {
    logger(.text).info("x", metadata: ["a": "\(String(repeating: "a", count: 100_000))", "z": "end"])
    #expect(collector.lines[0].utf8.count < 700)
    #expect(collector.lines[0].hasSuffix("…\" z=end\n"))
  }

  @Test func aLoggerMadeForAProgramUsesItsLevel() {
    let logger = makeLogger(label: "hyper", level: .error, format: .text, sink: collector.sink)
    logger.warning("no")
    logger.critical("yes")
    #expect(collector.lines.count == 1)
  }
}

struct LogLevelTests {
  @Test(arguments: [
    ("panic", Logger.Level.critical), ("fatal", .critical), ("critical", .critical), ("error", .error), ("warn", .warning),
    ("warning", .warning), ("notice", .notice), ("info", .info), ("debug", .debug), ("trace", .trace), ("INFO", .info),
  ])
  func namesOfBothWorldsAreLevels(name: String, level: Logger.Level) {
    #expect(LogLevel(rawValue: name)?.level == level)
  }

  @Test(arguments: ["", "verbose", "info ", "5"])
  func otherTextIsNoLevel(name: String) {
    #expect(LogLevel(rawValue: name) == nil)
  }

  @Test func helpListsEveryName() {
    #expect(LogLevel.names == "panic, fatal, critical, error, warn, warning, notice, info, debug, trace")
  }
}

struct WallTimeTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
    (1_735_689_599_001, "2024-12-31T23:59:59.001Z"), (-1, "1969-12-31T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
  ])
  func millisecondsBecomeRFC3339(milliseconds: Int, text: String) {
    #expect(WallTime(milliseconds: Int64(milliseconds)).rfc3339 == text)
  }

  @Test func theClockAgreesWithFoundation() {
    let difference = Double(WallTime.now().milliseconds) / 1000 - Date().timeIntervalSince1970
    #expect(abs(difference) < 5)
  }
}
