public import Logging

/// Reads the settings again when the program is asked to reload, and says what that would change.
///
/// Nothing of them is put in force while the program runs: certificates and the directory are, and they are named by path. Whoever changed
/// something else learns that it waits for a restart, and whether that restart would succeed.
public struct SettingsReload<Settings: Equatable & Sendable>: Sendable {
  private let inForce: Settings
  private let read: @Sendable () throws(SettingsRejected) -> Settings
  private let logger: Logger

  public init(inForce: Settings, logger: Logger, read: @escaping @Sendable () throws(SettingsRejected) -> Settings) {
    self.inForce = inForce
    self.read = read
    self.logger = logger
  }

  public func check() {
    do {
      guard try read() != inForce else { return }
      logger.warning("the settings have changed: they take effect at the next start")
    } catch {
      for line in error.lines { logger.error("the settings cannot be used at the next start", metadata: ["problem": "\(line)"]) }
    }
  }
}
