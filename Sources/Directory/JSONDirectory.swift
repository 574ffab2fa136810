public import HyperModel
public import Logging
public import Operations
public import ServiceLifecycle
import Synchronization

/// The service directory out of JSON files (PROTOCOL.md 8.2), kept in memory and renewed when the files change.
///
/// Everything is read and checked at once and then replaced as a whole: a file that cannot be read or does not fit leaves the state in force that was there
/// before. Reading `current` never waits for a file.
///
/// Mutable state: the state in force with its followers, behind `state`, held for moments only; what the files looked like at the last reading, behind
/// `files`, held while files are read and the new state is handed out, so that two readings come one after the other; whoever reads takes only `state`.
public final class JSONDirectory: DirectoryReader, Service {
  private struct State {
    var snapshot: DirectorySnapshot
    var followers: [UInt64: AsyncStream<DirectorySnapshot>.Continuation] = [:]
    var lastFollower: UInt64 = 0
  }

  private let source: DirectoryFiles
  private let logger: Logger
  private let interval: Duration
  private let reloaded: Counter
  private let failed: Counter
  private let version: Gauge
  private let state: Mutex<State>
  private let files: Mutex<ReadingHistory>

  /// How often the files are looked at by default: soon enough to heal within a second, and a few `stat` calls each time.
  public static let defaultInterval: Duration = .milliseconds(500)

  /// Loads the directory.
  ///
  /// - Parameters:
  ///   - path: a file, or a folder, in which all files are read whose name holds any character followed by `json`, in name order, without subfolders.
  ///   - interval: how often `run()` looks for changes.
  /// - Throws: when something is missing, cannot be read, or is no directory data.
  public init(
    path: String, interval: Duration = JSONDirectory.defaultInterval, logger: Logger, metrics: MetricsRegistry = MetricsRegistry()
  ) throws(DirectoryError) {
    source = DirectoryFiles(path: path)
    self.logger = logger
    self.interval = interval
    let counter = { (outcome: String) in
      metrics.counter(
        "hyper_directory_reloads_total", help: "Changes of the directory's files, by whether they were put in force.",
        labels: ["outcome": outcome])
    }
    reloaded = counter("reloaded")
    failed = counter("failed")
    version = metrics.gauge("hyper_directory_version", help: "1 for what was loaded at the start, one more with every change.")
    let marks = try source.marks()
    let snapshot = DirectorySnapshot(version: 1, replaying: try source.allRecords(of: marks))
    state = Mutex(State(snapshot: snapshot))
    files = Mutex(ReadingHistory(read: marks))
    version.set(1)
    if snapshot.entries.isEmpty { logger.warning("the directory is empty", metadata: ["path": "\(path)"]) }
  }

  deinit {
    for follower in state.withLock({ $0.followers.values }) { follower.finish() }
  }

  public var current: DirectorySnapshot { state.withLock { $0.snapshot } }

  public func updates() -> AsyncStream<DirectorySnapshot> {
    let (stream, follower) = AsyncStream.makeStream(of: DirectorySnapshot.self, bufferingPolicy: .bufferingNewest(1))
    let number = state.withLock { state in
      state.lastFollower += 1
      state.followers[state.lastFollower] = follower
      // Under the lock, so that no newer state can come before it; nobody waits for this stream yet.
      follower.yield(state.snapshot)
      return state.lastFollower
    }
    follower.onTermination = { [weak self] _ in
      _ = self?.state.withLock { $0.followers.removeValue(forKey: number) }
    }
    return stream
  }

  /// Reads the files now.
  ///
  /// - Throws: when something is missing, cannot be read, or is no directory data; the state that was in force stays.
  public func reload() throws(DirectoryError) {
    let renewed: DirectorySnapshot?
    do throws(DirectoryError) {
      renewed = try files.withLock { (history) throws(DirectoryError) in
        try read(try source.marks(), &history)
      }
    } catch {
      failed.increment()
      throw error
    }
    if let renewed { announce(renewed) }
  }

  /// Looks for changes until it is stopped, and logs what keeps it from reading them.
  ///
  /// It polls: the kernel's notifications would need C, miss changes on network file systems, and tell nothing that a few `stat` calls do not.
  public func run() async throws {
    await cancelWhenGracefulShutdown {
      // The sleep ends early only when it is cancelled, and that is the end.
      while (try? await Task.sleep(for: self.interval, clock: .continuous)) != nil {
        self.look()
      }
    }
  }

  /// One round of `run()`.
  func look() {
    let found = files.withLock { history -> Found in
      do throws(DirectoryError) {
        let marks = try source.marks()
        guard history.needsReading(marks) else {
          history.lastComplaint = nil
          return .nothing
        }
        let renewed = try read(marks, &history)
        history.lastComplaint = nil
        return renewed.map(Found.renewed) ?? .nothing
      } catch {
        // The same trouble at every look is told once.
        if history.lastComplaint == error.message { return .nothing }
        history.lastComplaint = error.message
        return .trouble(error)
      }
    }
    switch found {
    case .nothing: break
    case .renewed(let snapshot): announce(snapshot)
    case .trouble(let error):
      failed.increment()
      logger.error("the directory cannot be reloaded, the last good state stays in force", metadata: ["reason": "\(error.message)"])
    }
  }

  private enum Found {
    case nothing
    case renewed(DirectorySnapshot)
    case trouble(DirectoryError)
  }

  /// Reads the files and puts what they say into force; nil when that is what was in force already.
  ///
  /// Called with `files` held, so there is one at a time, and followers get the states in their order.
  private func read(_ marks: [DirectoryFiles.Mark], _ history: inout ReadingHistory) throws(DirectoryError) -> DirectorySnapshot? {
    history.willRead(marks)
    let before = current
    let records: [ChangeRecord]
    do throws(DirectoryError) {
      records = try source.allRecords(of: marks)
    } catch {
      // What is malformed stays so until it changes.
      if error.kind != .malformed { history.failed() }
      throw error
    }
    let next = DirectorySnapshot(version: before.version + 1, replaying: records)
    if next.entries == before.entries { return nil }
    let followers = state.withLock { state in
      state.snapshot = next
      return Array(state.followers.values)
    }
    for follower in followers { follower.yield(next) }
    return next
  }

  private func announce(_ snapshot: DirectorySnapshot) {
    reloaded.increment()
    version.set(Double(snapshot.version))
    logger.info("directory reloaded", metadata: ["version": "\(snapshot.version)", "entries": "\(snapshot.entries.count)"])
  }
}

extension DirectoryFiles {
  fileprivate func allRecords(of marks: [Mark]) throws(DirectoryError) -> [ChangeRecord] {
    var all: [ChangeRecord] = []
    for mark in marks { all += try records(in: mark) }
    return all
  }
}
