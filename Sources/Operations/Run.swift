import Glibc
public import Logging
public import ServiceLifecycle
import UnixSignals

/// Runs services until SIGTERM, SIGINT or the end of one of them.
///
/// The first signal stops the services one after the other, the last one first. A second signal, or most of the limit gone by, cancels
/// what is still running. Whatever ignores even that ends with the process: status 1 and a log line.
///
/// - Parameter stopLimit: the longest time from the first signal to the end.
/// - Parameter reload: what SIGHUP asks for; it logs what came of it. One at a time; signals that come meanwhile are one more. Without it
///   SIGHUP ends the program, as the system has it.
/// - Throws: the error of a service that failed, as it is; `StartFailure` when a service ended without having been told to. After a
///   signal nothing is thrown: errors on the way out are logged.
public func run(
  _ services: [any Service], logger: Logger, stopLimit: Duration = .seconds(5), reload: (@Sendable () async -> Void)? = nil
) async throws {
  let signals =
    reload == nil
    ? await UnixSignalsSequence(trapping: .sigterm, .sigint) : await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
  try await run([HeapUpkeep()] + services, logger: logger, stopLimit: stopLimit, signals: signals, reload: reload ?? {}) {
    logger.critical("services did not stop in time, leaving without them")
    exit(ExitStatus.failure)
  }
}

/// The same with the signals and the last resort given by the caller.
func run<Signals: AsyncSequence & Sendable>(
  _ services: [any Service], logger: Logger, stopLimit: Duration, signals: Signals, reload: @escaping @Sendable () async -> Void = {},
  whenStuck: @escaping @Sendable () -> Void
) async throws where Signals.Element == UnixSignal {
  let group = ServiceGroup(configuration: configuration(services, logger: logger, stopLimit: stopLimit))
  let (events, post) = AsyncStream.makeStream(of: RunEvent.self)
  let (haste, makeHaste) = AsyncStream.makeStream(of: Void.self)
  let (reloads, askForReload) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask { post.yield(.ended(await outcome(of: group, cancelledBy: haste))) }
    tasks.addTask { await forward(signals, to: post) }
    tasks.addTask { for await _ in reloads { await reload() } }
    var stopping = false
    for await event in events {
      switch event {
      case .ended(let error):
        tasks.cancelAll()
        return try settle(error, stopping: stopping, logger: logger)
      case .signal(.sighup):
        // Whoever stops needs nothing new.
        guard !stopping else { continue }
        logger.info("reloading", metadata: ["signal": "SIGHUP"])
        askForReload.yield()
      case .signal(let signal) where !stopping:
        stopping = true
        logger.info("stopping", metadata: ["signal": "\(signal)"])
        await group.triggerGracefulShutdown()
        tasks.addTask {
          // Being cancelled means that the services ended in time.
          guard (try? await Task.sleep(for: stopLimit)) != nil else { return }
          whenStuck()
        }
      case .signal(let signal):
        logger.warning("second signal, stopping at once", metadata: ["signal": "\(signal)"])
        makeHaste.finish()
      }
    }
    // The events end early only when the caller is cancelled, and with it the services.
    throw CancellationError()
  }
}

private enum RunEvent: Sendable {
  case ended((any Error)?)
  case signal(UnixSignal)
}

/// Passes every signal on. The sequence allows a single iterator in its life, so nobody else may read it.
private func forward<Signals: AsyncSequence & Sendable>(
  _ signals: Signals, to events: AsyncStream<RunEvent>.Continuation
) async where Signals.Element == UnixSignal {
  do {
    for try await signal in signals { events.yield(.signal(signal)) }
  } catch {
    // A sequence of signals that fails is one that ends: nothing is left to do but wait for the services.
  }
}

/// Runs the group to its end; it is cancelled when the stream ends, while the caller's other tasks go on.
private func outcome(of group: ServiceGroup, cancelledBy haste: AsyncStream<Void>) async -> (any Error)? {
  await withTaskGroup(of: Ending.self) { tasks in
    tasks.addTask {
      do {
        try await group.run()
        return .ended(nil)
      } catch {
        return .ended(error)
      }
    }
    tasks.addTask {
      for await _ in haste {}
      return .hurried
    }
    for await ending in tasks {
      // Either the services ended, then the other task is to end too, or the services are to end at once.
      tasks.cancelAll()
      if case .ended(let error) = ending { return error }
    }
    return nil
  }
}

private enum Ending: Sendable {
  case ended((any Error)?)
  case hurried
}

/// Services end in reverse order; one that hangs is cancelled early enough for the rest of the limit to be worth something.
private func configuration(_ services: [any Service], logger: Logger, stopLimit: Duration) -> ServiceGroupConfiguration {
  var configuration = ServiceGroupConfiguration(services: services, logger: logger)
  configuration.maximumGracefulShutdownDuration = stopLimit * 0.8
  return configuration
}

/// What the end of the group means for the caller.
private func settle(_ error: (any Error)?, stopping: Bool, logger: Logger) throws {
  guard let error else { return }
  guard !stopping else {
    if !(error is CancellationError) { logger.warning("a service failed while stopping", metadata: ["error": "\(error)"]) }
    return
  }
  if let error = error as? ServiceGroupError, error == .serviceFinishedUnexpectedly() {
    throw StartFailure("a part of the program ended without having been told to", hint: "\(error)")
  }
  throw error
}
