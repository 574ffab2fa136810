import FoundationEssentials
import HyperModel
import Operations
import Testing

@testable import Directory

@Suite(.timeLimit(.minutes(5))) struct Reloading {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("001.json", groups(("a", ["one"])))
  }

  private func directory(logger: LogRecorder? = nil) throws -> JSONDirectory {
    try JSONDirectory(path: folder.path, interval: .milliseconds(10), logger: logger?.logger ?? quiet)
  }

  @Test("a reload takes new, changed and removed files") func reload() throws {
    let directory = try directory()
    try folder.write("002.json", groups(("b", ["two"])))
    #expect(directory.current["b"] == nil)
    try directory.reload()
    #expect(directory.current.version == 2)
    #expect(directory.current.entries.mapValues(\.groups) == ["a": ["one"], "b": ["two"]])
    try folder.remove("001.json")
    try folder.overwrite("002.json", groups(("b", ["three"])))
    try directory.reload()
    #expect(directory.current.version == 3)
    #expect(directory.current.entries.mapValues(\.groups) == ["b": ["three"]])
  }

  @Test("a reload without a change of content keeps the version") func sameContent() throws {
    let directory = try directory()
    try directory.reload()
    try folder.write("001.json", groups(("a", ["one"])) + "\n")
    try directory.reload()
    #expect(directory.current.version == 1)
  }

  @Test("a bad file leaves the whole old state in force") func badFile() throws {
    let directory = try directory()
    try folder.write("001.json", groups(("a", ["changed"])))
    try folder.write("002.json", "{\"records\":")
    let error = #expect(throws: DirectoryError.self) { try directory.reload() }
    #expect(error?.message.contains("002.json:1: no valid JSON") == true)
    #expect(directory.current.version == 1)
    #expect(directory.current["a"]?.groups == ["one"])
    try folder.remove("002.json")
    try directory.reload()
    #expect(directory.current["a"]?.groups == ["changed"])
  }

  @Test("a folder that vanishes leaves the old state in force") func folderGone() throws {
    let directory = try directory()
    try FileManager.default.removeItem(atPath: folder.path)
    #expect(throws: DirectoryError.self) { try directory.reload() }
    #expect(directory.current["a"]?.groups == ["one"])
  }

  @Test("a look reads only what changed, and once more after a change") func look() throws {
    let log = LogRecorder()
    let directory = try directory(logger: log)
    for _ in 0..<3 { directory.look() }
    #expect(directory.current.version == 1)
    try folder.write("001.json", groups(("a", ["two"])))
    directory.look()
    #expect(directory.current["a"]?.groups == ["two"])
    #expect(log.errors.isEmpty)
  }

  @Test("trouble is told once, and again when it is another one or comes back") func complaints() throws {
    let log = LogRecorder()
    let directory = try directory(logger: log)
    try folder.write("001.json", "nonsense")
    for _ in 0..<5 { directory.look() }
    #expect(log.errors.count == 1)
    #expect(log.errors.first?.contains("001.json:1: no valid JSON: unexpected 'o' at byte 1") == true)
    try folder.write("001.json", "{}")
    for _ in 0..<5 { directory.look() }
    #expect(log.errors.count == 2)
    #expect(directory.current["a"]?.groups == ["one"])
    try folder.write("001.json", groups(("a", ["two"])))
    directory.look()
    #expect(directory.current["a"]?.groups == ["two"])
    try folder.write("001.json", "{}")
    directory.look()
    #expect(log.errors.count == 3)
  }

  @Test("every change is counted, and its version is a metric") func metrics() throws {
    let metrics = MetricsRegistry()
    let directory = try JSONDirectory(path: folder.path, logger: quiet, metrics: metrics)
    try folder.write("001.json", groups(("a", ["two"])))
    directory.look()
    try folder.write("001.json", "{}")
    for _ in 0..<3 { directory.look() }
    #expect(throws: DirectoryError.self) { try directory.reload() }
    let count = { metrics.counter("hyper_directory_reloads_total", help: "", labels: ["outcome": $0]).value }
    #expect(count("reloaded") == 1)
    #expect(count("failed") == 2)
    #expect(metrics.gauge("hyper_directory_version", help: "").value == 2)
  }

  @Test("a second change that leaves no mark is seen at the next look") func unmarkedChange() {
    func mark(_ seconds: Int) -> DirectoryFiles.Mark {
      let time = DirectoryFiles.Instant(seconds: seconds, nanoseconds: 0)
      return DirectoryFiles.Mark(path: "a", device: 1, inode: 1, size: 1, modified: time, changed: time)
    }
    var history = ReadingHistory(read: [mark(1)])
    #expect(history.needsReading([mark(1)]))
    history.willRead([mark(1)])
    #expect(!history.needsReading([mark(1)]))
    #expect(history.needsReading([mark(2)]))
    history.willRead([mark(2)])
    #expect(history.needsReading([mark(2)]))
    history.willRead([mark(2)])
    #expect(!history.needsReading([mark(2)]))
    #expect(history.needsReading([]))
  }

  @Test("while it runs, changes of every kind arrive at its followers") func watching() async throws {
    let directory = try directory()
    var states = directory.updates().makeAsyncIterator()
    #expect(await states.next()?.version == 1)
    let running = Task { try await directory.run() }
    try folder.write("002.json", groups(("b", ["two"])))
    #expect(await states.next()?.entries.mapValues(\.groups) == ["a": ["one"], "b": ["two"]])
    try folder.overwrite("002.json", groups(("b", ["TWO"])))
    #expect(await states.next()?["b"]?.groups == ["TWO"])
    try folder.remove("002.json")
    #expect(await states.next()?.entries.mapValues(\.groups) == ["a": ["one"]])
    try folder.write("001.json", "nonsense")
    try folder.write("001.json", groups(("a", ["again"])))
    #expect(await states.next()?["a"]?.groups == ["again"])
    running.cancel()
    try await running.value
  }

  @Test("a slow follower sees the newest state only, and each follower sees it") func slowFollower() async throws {
    let directory = try directory()
    var (one, other) = (directory.updates().makeAsyncIterator(), directory.updates().makeAsyncIterator())
    for group in ["two", "three", "four"] {
      try folder.write("001.json", groups(("a", [group])))
      try directory.reload()
    }
    #expect(await one.next()?["a"]?.groups == ["four"])
    #expect(await other.next()?["a"]?.groups == ["four"])
    var late = directory.updates().makeAsyncIterator()
    #expect(await late.next()?.version == 4)
  }

  @Test("a follower whose task ends is forgotten, and followers end with the directory") func followersEnd() async throws {
    var directory: JSONDirectory? = try directory()
    let stream = try #require(directory).updates()
    let follower = Task { for await _ in stream {} }
    follower.cancel()
    await follower.value
    try directory?.reload()
    var states = try #require(directory).updates().makeAsyncIterator()
    #expect(await states.next() != nil)
    directory = nil
    #expect(await states.next() == nil)
  }

  @Test("lookups and reloads at the same time see whole states in order") func concurrency() async throws {
    let directory = try directory()
    let folder = folder
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for index in 0..<100 {
          try folder.write("001.json", groups(("a", ["\(index)"]), ("b", ["\(index)"])))
          try directory.reload()
        }
      }
      for _ in 0..<3 {
        group.addTask {
          var last: UInt64 = 0
          while last < 101 {
            let snapshot = directory.current
            #expect(snapshot.version >= last)
            if snapshot.version > 1 { #expect(snapshot["a"]?.groups == snapshot["b"]?.groups) }
            last = snapshot.version
            await Task.yield()
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
