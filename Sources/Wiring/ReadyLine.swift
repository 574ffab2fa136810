public import Logging
public import ServiceLifecycle

/// Prints the one line that says a program does its work: `ready`. Whoever starts programs waits for it.
public struct ReadyLine: Service {
  private let logger: Logger
  private let condition: Latch

  public init(logger: Logger, after condition: Latch) {
    self.logger = logger
    self.condition = condition
  }

  public func run() async throws {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await condition.wait()
        if condition.isOpen { logger.info("ready") }
      }
      try? await gracefulShutdown()  // throws only when cancelled, which ends this as well
      group.cancelAll()
    }
  }
}
