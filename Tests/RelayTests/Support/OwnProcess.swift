import Glibc
import Testing

@testable import Relay

/// What the kernel says about this process. Meant for tests that run in a process of their own (`#expect(processExitsWith:)`),
/// where nobody else uses memory, CPU or descriptors.
enum OwnProcess {
  /// The whole of such a process: says what was thrown, and ends it if it hangs, because who waits for it has no other bound.
  static func run(minutes: UInt32, _ body: () async throws -> Void) async {
    alarm(minutes * 60)
    do {
      try await body()
    } catch {
      Issue.record(error)
    }
  }

  /// CPU time that the threads of engines have used.
  static func loopCPU() -> Duration {
    var total = Duration.zero
    for task in entries(of: "/proc/self/task") where text(of: "/proc/self/task/\(task)/comm").hasPrefix("relay-") {
      let spent = text(of: "/proc/self/task/\(task)/schedstat").split(separator: " ").first.flatMap { Int64($0) }
      total += .nanoseconds(spent ?? 0)
    }
    return total
  }

  static func loopThreads() -> Int {
    entries(of: "/proc/self/task").count { text(of: "/proc/self/task/\($0)/comm").hasPrefix("relay-") }
  }

  /// A sanitizer's own memory grows with everything that the program does: figures say nothing.
  static let isSanitized = ["__tsan_init", "__asan_init"].contains { (name: String) in dlsym(nil, name) != nil }

  /// Bytes of memory in use.
  static func residentBytes() -> Int {
    let pages = text(of: "/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// Open descriptors, without the one that is needed to count them.
  static func descriptors() -> Int { entries(of: "/proc/self/fd").count - 1 }

  /// Sockets that have asked for a connection and have no answer.
  static func attemptsUnderWay() -> Int {
    (Int32(0)..<1024).count { descriptor in
      // The state is the first byte of the facts.
      var state: UInt8 = 0
      var length = socklen_t(1)
      return getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &state, &length) == 0 && state == UInt8(TCP_SYN_SENT)
    }
  }

  /// Sets both limits on descriptors. Those that are open stay open, whatever their numbers.
  static func limitDescriptors(to count: Int) async throws {
    // What carries out tasks and timers opens its own with the first of them, and ends the process when it cannot.
    try await Task.sleep(for: .milliseconds(1))
    try await Task.sleep(for: .milliseconds(1), clock: .suspending)
    var limit = rlimit(rlim_cur: rlim_t(count), rlim_max: rlim_t(count))
    guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      throw SocketFailure(action: "limit descriptors", code: errno)
    }
  }

  /// Takes every descriptor that is left. The caller closes them.
  static func takeAllDescriptors() -> [Int32] {
    var taken: [Int32] = []
    while true {
      let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
      if descriptor < 0 { return taken }
      taken.append(descriptor)
    }
  }

  static func text(of path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &buffer, buffer.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer.prefix(count)
    }
  }

  private static func entries(of path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }
}

/// Carries out what a test does in threads of their own, one per piece of work: waiting for a process (`#expect(processExitsWith:)`)
/// blocks the thread that does it, and Swift has no more threads than the machine has cores.
struct OwnThreads: TestTrait, SuiteTrait, TestScoping {
  var isRecursive: Bool { true }

  func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void) async throws {
    // Around each case, not around the suite that holds it.
    guard testCase != nil else { return try await function() }
    try await withTaskExecutorPreference(ThreadPerJob()) { try await function() }
  }
}

extension Trait where Self == OwnThreads {
  static var ownThreads: Self { OwnThreads() }
}

private final class ThreadPerJob: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedTaskExecutor()
    let isStarted = Thread.startDetached(name: "test") { [self] in
      job.runSynchronously(on: executor)
      withExtendedLifetime(self) {}
    }
    precondition(isStarted, "no thread for a test")
  }
}
