import Glibc
import Operations
import Subprocess
import Synchronization
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// Why a test could not go on.
struct TestFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// A real program, started from its binary, with its log lines read as they come.
///
/// `current` and what a run holds are protected by mutexes. A program can be started again after it has ended.
final class ProgramUnderTest: Sendable {
  private final class Run: Sendable {
    let log = LineLog()
    let pid = Mutex<Int32?>(nil)
    /// True from the spawn to the end of the process.
    let isRunning = Mutex(false)
    let task = Mutex<Task<TerminationStatus, any Error>?>(nil)
  }

  let name: String
  private let executable: String
  private let arguments: [String]
  private let environment: [String: String?]
  private let workingDirectory: String
  private let current = Mutex<Run?>(nil)

  /// - Parameter environment: what is changed of our own environment; nil removes a variable.
  init(name: String, executable: String, arguments: [String], environment: [String: String?] = [:], workingDirectory: String) {
    self.name = name
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
  }

  /// The process id of the present run.
  var pid: Int32? { current.withLock { $0 }?.pid.withLock { $0 } }

  var isRunning: Bool { current.withLock { $0 }?.isRunning.withLock { $0 } ?? false }

  /// Everything printed by the present run.
  var lines: [String] { current.withLock { $0 }?.log.lines ?? [] }

  /// Starts the program and returns when its process exists.
  func start() async throws {
    precondition(!isRunning, "\(name) runs already")
    let run = Run()
    let (executable, arguments, directory) = (executable, arguments, workingDirectory)
    let variables = Environment.inherit.updating(environment.keyed)
    let (spawned, spawnedContinuation) = AsyncStream<Void>.makeStream()
    let task = Task<TerminationStatus, any Error> {
      defer {
        spawnedContinuation.finish()
        if let pid = run.pid.withLock({ $0 }) { Undertaker.shared.release(process: pid) }
        run.isRunning.withLock { $0 = false }
        run.log.end()
      }
      let result = try await Subprocess.run(
        .path(FilePath(executable)), arguments: Arguments(arguments), environment: variables, workingDirectory: FilePath(directory),
        input: .none, output: .discarded, error: .sequence
      ) { execution in
        let pid = execution.processIdentifier.value
        Undertaker.shared.watch(process: pid)
        run.pid.withLock { $0 = pid }
        run.isRunning.withLock { $0 = true }
        spawnedContinuation.finish()
        for try await line in execution.standardError.strings() { run.log.append(line.withoutLineEnd) }
      }
      return result.terminationStatus
    }
    run.task.withLock { $0 = task }
    current.withLock { $0 = run }
    for await _ in spawned {}
    if run.pid.withLock({ $0 }) == nil { _ = try await task.value }
  }

  /// Waits for a log line of the present run that contains all the given words.
  ///
  /// - Parameter start: lines before this index do not count; `lines.count` taken earlier makes it "from now on".
  @discardableResult
  func line(containing words: String..., from start: Int = 0, within limit: Duration = .seconds(30)) async throws -> String {
    try await line(containing: words, from: start, within: limit)
  }

  @discardableResult
  func line(containing words: [String], from start: Int = 0, within limit: Duration = .seconds(30)) async throws -> String {
    guard let run = current.withLock({ $0 }) else { throw TestFailure("\(name) was not started") }
    if let line = await run.log.first(from: start, within: limit, where: { line in words.allSatisfy { line.contains($0) } }) { return line }
    let printed = run.log.lines.suffix(30).joined(separator: "\n")
    throw TestFailure("\(name) did not print a line with \(words) within \(limit); it printed:\n\(printed)")
  }

  /// Waits for the ready line.
  func ready() async throws { try await line(containing: " \(label): ready") }

  /// The name that the program's log lines carry.
  private var label: String { String(executable.split(separator: "/").last ?? "") }

  /// The ready lines of the present run.
  var readyLines: [String] { lines.filter { $0.contains(" \(label): ready") } }

  /// Sends a signal to the running process.
  func send(_ signal: Int32) {
    guard isRunning, let pid else { return }
    _ = kill(pid, signal)  // a process that has ended meanwhile needs no signal
  }

  /// Asks the program to stop and returns how it ended.
  func stop(with signal: Int32 = SIGTERM) async throws -> TerminationStatus {
    send(signal)
    return try await ended()
  }

  /// Ends the program at once (SIGKILL), as a crash would.
  func crash() async throws {
    send(SIGKILL)
    _ = try await ended()
  }

  /// Crashes it, starts it again and waits until it is ready.
  func restart() async throws {
    try await crash()
    try await start()
    try await ready()
  }

  /// How the present run ended. A program that does not end in time is killed, which shows in the answer.
  func ended(within limit: Duration = .seconds(20)) async throws -> TerminationStatus {
    guard let task = current.withLock({ $0 })?.task.withLock({ $0 }) else { throw TestFailure("\(name) was not started") }
    let clock = DeadlineClock()
    let ticket = clock.watch(until: .now + limit) { [self] in send(SIGKILL) }
    let result = await task.result
    if !clock.forget(ticket) { Issue.record("\(name) had to be killed: it did not end within \(limit)") }
    return try result.get()
  }
}

extension Dictionary where Key == String, Value == String? {
  /// As the library wants it.
  var keyed: [Environment.Key: String?] {
    Dictionary<Environment.Key, String?>(uniqueKeysWithValues: map { (Environment.Key(stringLiteral: $0.key), $0.value) })
  }
}

extension String {
  fileprivate var withoutLineEnd: String {
    var text = self[...]
    while let last = text.last, last.isNewline { text.removeLast() }
    return String(text)
  }
}
