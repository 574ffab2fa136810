import Glibc
import Logging

/// Writes each event as one line; everything in it is escaped, because names and messages may come from a peer.
struct LineLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  var logLevel: Logger.Level = .info

  private let label: String
  private let format: LogFormat
  private let sink: LogSink
  private let now: @Sendable () -> WallTime

  init(label: String, format: LogFormat, sink: LogSink, now: @escaping @Sendable () -> WallTime = WallTime.now) {
    self.label = label
    self.format = format
    self.sink = sink
    self.now = now
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var line: String
    switch format {
    case .text: line = textLine(event)
    case .json: line = jsonLine(event)
    }
    line.append("\n")
    sink.write(Array(line.utf8))
  }

  private func textLine(_ event: LogEvent) -> String {
    var line = "\(now().rfc3339) \(event.level.rawValue.uppercased()) \(label): \(LineText.escaped("\(event.message)"))"
    for (key, value) in fields(of: event) {
      line += " \(LineText.key(key))=\(LineText.value(value))"
    }
    return line
  }

  private func jsonLine(_ event: LogEvent) -> String {
    var line = "{\"time\":\"\(now().rfc3339)\",\"level\":\"\(event.level.rawValue)\",\"label\":\(LineText.json(label))"
    line += ",\"message\":\(LineText.json("\(event.message)"))"
    for (key, value) in fields(of: event) {
      // A key must not appear twice in an object, so an event's own `level` becomes `level_`.
      let name = Self.reserved.contains(key) ? key + "_" : key
      line += ",\(LineText.json(name)):\(LineText.json(value))"
    }
    return line + "}"
  }

  private static let reserved: Set<String> = ["time", "level", "label", "message"]

  /// The event's own keys win over the logger's, and those over the provider's; sorted, so that lines compare.
  private func fields(of event: LogEvent) -> [(String, String)] {
    var all = metadataProvider?.get() ?? [:]
    all.merge(metadata) { _, own in own }
    if let own = event.metadata { all.merge(own) { _, own in own } }
    if let error = event.error { all["error"] = "\(error)" }
    return all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
  }
}
