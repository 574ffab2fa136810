import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import Testing
import UnixSignals

@testable import Operations

/// Bounds every wait of these tests; they take milliseconds when all is well.
@Suite(.timeLimit(.minutes(1)))
struct RunTests {
  private let collector = LineCollector()
  private let events = Events()
  private let signals: AsyncStream<UnixSignal>
  private let source: AsyncStream<UnixSignal>.Continuation

  init() {
    (signals, source) = AsyncStream.makeStream()
  }

  private func run(_ services: [any Service], stopLimit: Duration = .seconds(20), whenStuck: @escaping @Sendable () -> Void = {})
    async throws
  {
    let logger = makeLogger(label: "test", level: .trace, format: .text, sink: collector.sink)
    try await Operations.run(services, logger: logger, stopLimit: stopLimit, signals: signals, whenStuck: whenStuck)
  }

  @Test(arguments: [UnixSignal.sigterm, .sigint])
  func aSignalStopsTheServicesLastFirstAndReturns(signal: UnixSignal) async throws {
    source.yield(signal)
    try await run([Polite("a", events), Polite("b", events)])
    #expect(events.all.suffix(2) == ["b stopped", "a stopped"])
  }

  @Test func aStartFailureOfAServiceSurfacesAsItself() async {
    let failure = StartFailure("port 1 is in use", status: 1)
    await #expect(throws: failure) { try await run([Polite("a", events), Failing(error: failure)]) }
  }

  @Test func aServiceThatEndsByItselfIsAFailure() async {
    await #expect(throws: StartFailure.self) { try await run([Polite("a", events), Short()]) }
  }

  @Test func anErrorOnTheWayOutIsLoggedAndTheEndIsStillClean() async throws {
    source.yield(.sigterm)
    try await run([Polite("a", events), FailingAtStop()])
    #expect(collector.lines.contains { $0.contains("WARNING test: a service failed while stopping") })
  }

  @Test func aServiceThatHangsIsCancelledWithinTheLimit() async throws {
    source.yield(.sigterm)
    try await run([Stubborn("a", events)], stopLimit: .milliseconds(200))
    #expect(events.all.last == "a cancelled")
  }

  @Test func aSecondSignalCancelsAtOnce() async throws {
    let began = ContinuousClock.now
    source.yield(.sigterm)
    source.yield(.sigint)
    try await run([Stubborn("a", events)], stopLimit: .seconds(50))
    #expect(events.all.last == "a cancelled")
    #expect(ContinuousClock.now - began < .seconds(20))
  }

  @Test func aServiceThatIgnoresEvenCancellationMeetsTheLastResort() async throws {
    let release = Gate()
    source.yield(.sigterm)
    source.yield(.sigterm)
    try await run([Deaf(gate: release)], stopLimit: .milliseconds(100)) { [events] in
      events.add("stuck")
      release.open()
    }
    #expect(events.all == ["stuck"])
  }

  @Test func realSignalsOfTheSystemArrive() async throws {
    let logger = makeLogger(label: "test", level: .trace, format: .text, sink: collector.sink)
    // The first one stops, the second one hurries; both arrive while the service runs, so the process survives them.
    try await Operations.run([Signalling(events)], logger: logger, stopLimit: .seconds(50))
    #expect(events.all == ["asked to stop", "cancelled"])
    #expect(collector.lines.contains { $0.contains("stopping signal=SIGTERM") })
    #expect(collector.lines.contains { $0.contains("second signal, stopping at once signal=SIGINT") })
  }

  @Test func sighupAsksForAReloadAndTheServicesGoOn() async throws {
    let logger = makeLogger(label: "test", level: .trace, format: .text, sink: collector.sink)
    source.yield(.sighup)
    try await Operations.run(
      [Polite("a", events)], logger: logger, stopLimit: .seconds(20), signals: signals,
      reload: { [events, source] in
        events.add("reloaded")
        source.yield(.sigterm)
        // Too late: whoever stops needs nothing new.
        source.yield(.sighup)
      }, whenStuck: {})
    #expect(events.all == ["reloaded", "a stopped"])
    #expect(collector.lines.count { $0.contains("reloading signal=SIGHUP") } == 1)
  }

  @Test func cancellingTheCallerCancelsTheServices() async throws {
    let running = Task { try await run([Stubborn("a", events)]) }
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
  }

  @Test func theEndOfTheSignalsIsNoReasonToStop() async throws {
    let failure = StartFailure("later")
    source.finish()
    await #expect(throws: failure) { try await run([Failing(error: failure)]) }
  }
}

private final class Events: Sendable {
  private let list = Mutex<[String]>([])
  func add(_ event: String) { list.withLock { $0.append(event) } }
  var all: [String] { list.withLock { $0 } }
}

private final class Gate: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation
  init() { (stream, continuation) = AsyncStream.makeStream() }
  func open() { continuation.finish() }
  func wait() async { for await _ in stream {} }
}

/// Stops when asked to.
private struct Polite: Service {
  let name: String
  let events: Events
  init(_ name: String, _ events: Events) { (self.name, self.events) = (name, events) }
  func run() async throws {
    do { try await gracefulShutdown() } catch is CancellationError {}
    events.add("\(name) stopped")
  }
}

/// Stops only when cancelled.
private struct Stubborn: Service {
  let name: String
  let events: Events
  init(_ name: String, _ events: Events) { (self.name, self.events) = (name, events) }
  func run() async throws {
    let gate = Gate()
    await gate.wait()
    events.add("\(name) cancelled")
  }
}

/// Sends the process two signals, the second one when it is asked to stop.
private struct Signalling: Service {
  let events: Events
  init(_ events: Events) { self.events = events }
  func run() async throws {
    let gate = Gate()
    await withGracefulShutdownHandler {
      kill(getpid(), SIGTERM)
      await gate.wait()
    } onGracefulShutdown: {
      events.add("asked to stop")
      kill(getpid(), SIGINT)
    }
    events.add("cancelled")
  }
}

/// Hears neither.
private struct Deaf: Service {
  let gate: Gate
  func run() async throws {
    // A task of its own, so that the cancellation of this one does not end the wait.
    await Task { await gate.wait() }.value
  }
}

private struct Failing: Service {
  let error: StartFailure
  func run() async throws { throw error }
}

private struct FailingAtStop: Service {
  func run() async throws {
    try await gracefulShutdown()
    throw StartFailure("could not save")
  }
}

private struct Short: Service {
  func run() async throws {}
}
