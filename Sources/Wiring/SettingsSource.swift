public import Logging
public import Operations
public import Settings

import class Foundation.FileManager
import class Foundation.ProcessInfo

/// Reads a program's settings from the variable that names them.
public enum SettingsSource {
  /// - Throws: `SettingsRejected`, which holds every problem.
  public static func node() throws(SettingsRejected) -> NodeSettings {
    try checked(variable: "HYPER_SETTINGS") { (tree) throws(SettingsFailure) in try NodeSettings(tree) }
  }

  /// - Throws: `SettingsRejected`, which holds every problem.
  public static func proxy() throws(SettingsRejected) -> ProxySettings {
    try checked(variable: "PROXY_SETTINGS") { (tree) throws(SettingsFailure) in try ProxySettings(tree) }
  }

  /// Says what is accepted but has no effect.
  public static func report(_ warnings: [SettingsProblem], to logger: Logger) {
    for warning in warnings { logger.warning("setting without effect", metadata: ["what": "\(warning)"]) }
  }

  private static func checked<Value>(
    variable: String, _ read: (LoadedTree) throws(SettingsFailure) -> Value
  ) throws(SettingsRejected) -> Value {
    do {
      let environment = ProcessInfo.processInfo.environment
      let tree = try SettingsLoader.load(
        sources: environment[variable], variableName: variable, environment: environment,
        workingDirectory: FileManager.default.currentDirectoryPath)
      return try read(tree)
    } catch {
      throw SettingsRejected(failure: error)
    }
  }
}

/// Settings that cannot be used: every problem is a line, the status 2.
public struct SettingsRejected: DiagnosableError {
  public let failure: SettingsFailure

  public var lines: [String] { failure.problems.map(\.description) }
  public var status: Int32 { ExitStatus.badUsage }
}
