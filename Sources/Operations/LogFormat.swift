public import Logging

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
  /// `2026-11-23T01:36:48.099Z INFO proxy: message key=value key="with space"`
  case text
  /// One JSON object per line: `time`, `level`, `label`, `message`, then the keys of the event.
  case json
}

/// The lowest level that is logged, as the command line names it: the names of swift-log and those of the programs deployed today.
public enum LogLevel: String, Sendable, CaseIterable {
  case panic, fatal, critical, error, warn, warning, notice, info, debug, trace

  /// Reads a name in any case of letters; nil for a name that is none.
  public init?(rawValue: String) {
    let name = rawValue.lowercased()
    guard let found = Self.allCases.first(where: { "\($0)" == name }) else { return nil }
    self = found
  }

  public var level: Logger.Level {
    switch self {
    case .panic, .fatal, .critical: .critical
    case .error: .error
    case .warn, .warning: .warning
    case .notice: .notice
    case .info: .info
    case .debug: .debug
    case .trace: .trace
    }
  }

  /// Every name, from severe to chatty, for help texts.
  public static let names = allCases.map(\.rawValue).joined(separator: ", ")
}

/// A logger that writes one line per event to standard error.
///
/// It goes round swift-log's global bootstrap, so that nothing depends on who called that first; programs hand their logger on.
public func makeLogger(label: String, level: Logger.Level, format: LogFormat) -> Logger {
  makeLogger(label: label, level: level, format: format, sink: .standardError)
}

/// A logger that writes its lines to a sink of the caller's.
public func makeLogger(label: String, level: Logger.Level, format: LogFormat, sink: LogSink) -> Logger {
  var logger = Logger(label: label) { LineLogHandler(label: $0, format: format, sink: sink) }
  logger.logLevel = level
  return logger
}
