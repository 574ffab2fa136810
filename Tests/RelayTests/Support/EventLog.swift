import ClientHello
import Synchronization

@testable import Relay

struct TimedOut: Error, CustomStringConvertible {
  let description: String
}

/// Reads the events of an engine, answers hellos, and lets a test wait for what it expects.
final class EventLog: Sendable {
  private struct State {
    var events: [RelayEvent] = []
    var waiters: [Int: @Sendable (RelayEvent) -> Void] = [:]
    var nextWaiter = 0
  }

  private let state = Mutex(State())
  private let reader: Task<Void, Never>

  /// - Parameter onHello: the control plane of the test.
  init(_ engine: RelayEngine, onHello: @escaping @Sendable (StreamID, ClientHelloFacts) -> Void = { _, _ in }) {
    let (pass, sink) = AsyncStream<RelayEvent>.makeStream()
    let events = engine.events
    reader = Task {
      for await var news in events {
        while let event = news.next() {
          if case .helloArrived(let stream, let facts, _) = event { onHello(stream, facts) }
          sink.yield(event)
        }
      }
      sink.finish()
    }
    Task {
      for await event in pass { self.record(event) }
    }
  }

  /// Waiters are asked outside the lock: what they do may wake a task that takes it.
  private func record(_ event: RelayEvent) {
    let waiters = state.withLock { state in
      state.events.append(event)
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter(event) }
  }

  var all: [RelayEvent] { state.withLock { $0.events } }

  /// The first value that `match` finds, in what has come and in what comes within a minute.
  func first<Value: Sendable>(_ what: String, _ match: @escaping @Sendable (RelayEvent) -> Value?) async throws -> Value {
    let (found, sink) = AsyncStream<Value?>.makeStream()
    let (key, past) = state.withLock { state in
      state.nextWaiter += 1
      state.waiters[state.nextWaiter] = { event in
        if let value = match(event) { sink.yield(value) }
      }
      return (state.nextWaiter, state.events)
    }
    for event in past {
      if let value = match(event) { sink.yield(value) }
    }
    let limit = Task {
      try await Task.sleep(for: .seconds(60))
      sink.yield(nil)
    }
    defer {
      limit.cancel()
      state.withLock { $0.waiters[key] = nil }
    }
    for await value in found {
      if let value { return value }
      break
    }
    throw TimedOut(description: "waiting for \(what); so far: \(all)")
  }

  func hello() async throws -> StreamID {
    try await first("a hello") { if case .helloArrived(let stream, _, _) = $0 { stream } else { nil } }
  }

  func joined() async throws -> StreamID {
    try await first("joined") { if case .joined(let stream) = $0 { stream } else { nil } }
  }

  func ended() async throws -> StreamSummary {
    try await first("ended") { if case .ended(let summary) = $0 { summary } else { nil } }
  }

  func ended(_ stream: StreamID) async throws -> StreamSummary {
    try await first("the end of \(stream)") { if case .ended(let summary) = $0, summary.id == stream { summary } else { nil } }
  }

  /// Returns when so many streams have ended.
  func ended(_ count: Int) async throws { try await happened(count, "ends") { if case .ended = $0 { true } else { false } } }

  /// Returns when so many streams have been joined.
  func joined(_ count: Int) async throws { try await happened(count, "joined") { if case .joined = $0 { true } else { false } } }

  private func happened(_ count: Int, _ what: String, _ match: @escaping @Sendable (RelayEvent) -> Bool) async throws {
    let seen = Counter()
    _ = try await first("\(count) \(what)") { match($0) && seen.next() == count ? true : nil }
  }

  func dialFailed() async throws -> DialSide {
    try await first("dialFailed") { if case .dialFailed(_, let side, _) = $0 { side } else { nil } }
  }
}

/// Counts, from any thread.
final class Counter: Sendable {
  private let value = Atomic<Int>(0)

  /// The number of this call, from 1.
  func next() -> Int { value.wrappingAdd(1, ordering: .relaxed).newValue }

  var current: Int { value.load(ordering: .relaxed) }
}
