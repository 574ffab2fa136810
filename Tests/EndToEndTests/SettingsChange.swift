import Foundation

/// The settings files of the demo, below settings/dev.
enum SettingsFile: String, Sendable {
  case publicProxy = "roles/public-proxy-1/001_default.yml"
  case privateProxy = "roles/private-proxy-1/001_default.yml"
  case publicNode = "roles/public-proxy-hyper-1/001_default.yml"
  case privateNode = "roles/private-proxy-hyper-1/001_default.yml"
}

/// How a test's settings differ from the shipped ones. Development ports in it are moved like those of the files.
enum SettingsChange: Sendable {
  /// Text behind the end of a file: keys of its last map when they are indented.
  case append(SettingsFile, String)
  /// Text before the beginning of a file.
  case prepend(SettingsFile, String)
  case replace(SettingsFile, String, by: String)

  /// Serves metrics on `run/NAME.metrics`, a Unix socket.
  static func metrics(_ file: SettingsFile, as name: String) -> SettingsChange {
    .prepend(file, "metrics:\n  bind_address: \"unix:run/\(name).metrics\"\n")
  }

  var file: SettingsFile {
    switch self {
    case .append(let file, _), .prepend(let file, _), .replace(let file, _, by: _): file
    }
  }

  /// - Throws: `TestFailure` when there is nothing to replace, so that a change of the shipped files does not go unnoticed.
  func apply(to text: String) throws -> String {
    switch self {
    case .append(_, let more): return text + more
    case .prepend(_, let more): return more + text
    case .replace(let file, let old, by: let new):
      guard text.contains(old) else { throw TestFailure("\(file.rawValue) does not contain \(old)") }
      return text.replacingOccurrences(of: old, with: new)
    }
  }
}
