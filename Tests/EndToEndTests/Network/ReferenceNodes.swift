import Foundation
import HyperModel
import Subprocess
import Synchronization
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A process that plays reference nodes (`peer/reference.py`): it shares no code with us and keeps to PROTOCOL.md.
///
/// `state` is behind its mutex; continuations are resumed outside it.
final class ReferenceNodes: Sendable {
  private struct State {
    var last: Int64 = 0
    var waiting: [Int64: CheckedContinuation<JSONValue, any Error>] = [:]
    var pid: Int32?
    var task: Task<Void, any Error>?
  }

  private let folder: String
  private let state = Mutex(State())
  private let events = LineLog()
  private let orders = AsyncStream<String>.makeStream()

  private static let script = "\(Repository.folder)/Tests/HyperGRPCTests/peer/reference.py"

  /// The interpreter with the packages, asked for once per test process.
  private static let interpreter = Task<String, any Error> {
    let output = try await Output.of("bash", ["\(Repository.folder)/tools/python-peer.sh"], within: .seconds(600))
    guard output.status == .exited(0), let path = output.text.split(separator: "\n").last else {
      throw TestFailure("tools/python-peer.sh failed; the tests need Python 3 with venv and pip: \(output.errors)")
    }
    return String(path)
  }

  init(in network: TestNetwork) {
    folder = network.folder
  }

  /// Starts the process and returns when it takes orders.
  func start() async throws {
    let python = try await Self.interpreter.value
    let task = Task { [self] in
      defer { ended() }
      _ = try await Subprocess.run(
        .path(FilePath(python)), arguments: ["-B", Self.script, folder], workingDirectory: FilePath(folder), input: .inputWriter,
        output: .sequence, error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
      ) { execution in
        let pid = execution.processIdentifier.value
        Undertaker.shared.watch(process: pid)
        state.withLock { $0.pid = pid }
        let (input, output) = (execution.standardInputWriter, execution.standardOutput)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { [orders] in
            for await order in orders.stream { _ = try await input.write(order) }
            try await input.finish()
          }
          // A whole directory is an answer of some hundred kilobytes.
          for try await line in output.strings(bufferingPolicy: .maxLineLength(8 << 20)) { took(line) }
          orders.continuation.finish()
          group.cancelAll()
        }
      }
    }
    state.withLock { $0.task = task }
    try await event("begun")
  }

  private func took(_ line: String) {
    guard let facts = try? JSONValue(parsing: line), let number = facts["n"]?.integer else { return events.append(line) }
    let waiting = state.withLock { $0.waiting.removeValue(forKey: number) }
    if let exception = facts["exception"]?.string {
      waiting?.resume(throwing: TestFailure("\(exception)\n\(facts["where"]?.string ?? "")"))
    } else {
      waiting?.resume(returning: facts)
    }
  }

  private func ended() {
    let (waiting, pid) = state.withLock { state in
      defer {
        state.waiting = [:]
        state.pid = nil
      }
      return (Array(state.waiting.values), state.pid)
    }
    if let pid { Undertaker.shared.release(process: pid) }
    events.end()
    for continuation in waiting { continuation.resume(throwing: TestFailure("the process of reference nodes ended")) }
  }

  /// Has something done and returns what came of it.
  @discardableResult
  func order(_ what: String, _ members: [String: JSONValue] = [:]) async throws -> JSONValue {
    try await withCheckedThrowingContinuation { continuation in
      let number = state.withLock { state -> Int64? in
        guard state.pid != nil else { return nil }
        state.last += 1
        state.waiting[state.last] = continuation
        return state.last
      }
      guard let number else { return continuation.resume(throwing: TestFailure("no process of reference nodes for \(what)")) }
      var order = members
      order["do"] = .string(what)
      order["n"] = .integer(number)
      orders.continuation.yield(JSONValue.object(order).text + "\n")
    }
  }

  /// How many events there have been.
  var mark: Int { events.lines.count }

  /// The first event of a kind that fits, now or later.
  ///
  /// - Parameter count: how many of them there have to be; the last one is returned.
  @discardableResult
  func event(
    _ name: String, from start: Int = 0, count: Int = 1, within limit: Duration = .seconds(60),
    where fits: @escaping @Sendable (JSONValue) -> Bool = { _ in true }
  ) async throws -> JSONValue {
    let seen = Mutex(0)
    let line = await events.first(from: start, within: limit) { line in
      guard let event = Self.event(name, in: line), fits(event) else { return false }
      return seen.withLock { seen in
        seen += 1
        return seen == count
      }
    }
    guard let line else {
      throw TestFailure("no event '\(name)' of the reference nodes (\(count)); the last ones: \(events.lines.suffix(8))")
    }
    return try JSONValue(parsing: line)
  }

  private static func event(_ name: String, in line: String) -> JSONValue? {
    // Only lines that can be it are parsed.
    guard line.contains(name), let event = try? JSONValue(parsing: line), event["event"]?.string == name else { return nil }
    return event
  }

  /// All events of some kinds so far.
  func all(_ names: String..., from start: Int = 0) -> [JSONValue] {
    events.lines.dropFirst(start).compactMap { line in names.lazy.compactMap { Self.event($0, in: line) }.first }
  }

  func send(_ signal: Int32) {
    if let pid = state.withLock({ $0.pid }) { _ = kill(pid, signal) }  // a process that has ended meanwhile needs no signal
  }

  /// Ends it and waits for the end.
  func end() async {
    send(SIGCONT)
    send(SIGKILL)
    _ = await state.withLock { $0.task }?.result
  }
}
