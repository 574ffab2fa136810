import FoundationEssentials
import Glibc
import HyperModel
import Logging
import Synchronization

/// A folder that goes away with the test.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "hyper-directory-\(UUID().uuidString)").path()
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    // A folder that cannot be removed is the system's to clean up.
    try? FileManager.default.removeItem(atPath: path)
  }

  func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Replaces the file as a whole.
  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path(name)), options: .atomic)
  }

  /// Overwrites the file in place.
  func overwrite(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path(name)))
  }

  /// Makes the file that large without writing to it.
  func grow(_ name: String, to size: Int64) -> Bool {
    truncate(path(name), Int(size)) == 0
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: path(name))
  }
}

/// A directory file that puts operators into groups.
func groups(_ members: (String, [String])...) -> String {
  let records = members.map { (name, groups) -> JSONValue in
    [
      "name": .string(name), "section": "groups", "data": .array(groups.map(JSONValue.string)), "created_at": "2026-11-23T01:36:48Z",
    ]
  }
  return JSONValue.object(["records": .array(records)]).text
}

/// Keeps log lines for a test.
final class LogRecorder: LogHandler, Sendable {
  private let lines = Mutex<[String]>([])

  var logger: Logger { Logger(label: "test") { _ in self } }
  var errors: [String] { lines.withLock { $0 } }

  var logLevel: Logger.Level {
    get { .error }
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
    lines.withLock { $0.append("\(event.message) \(event.metadata?["reason"]?.description ?? "")") }
  }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
