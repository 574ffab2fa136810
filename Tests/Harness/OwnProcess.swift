import Glibc
import Testing

/// A test in a process of its own (`#expect(processExitsWith:)`), where nobody else uses memory, CPU or descriptors, and what the kernel says about it.
public enum OwnProcess {
  /// The whole of such a process: says what was thrown, and ends it if it hangs, because who waits for it has no other bound.
  public static func run(minutes: UInt32, _ body: () async throws -> Void) async {
    alarm(minutes * 60)
    letGoOfWhatWasInherited()
    do {
      try await body()
    } catch {
      Issue.record(error)
    }
  }

  /// Closes what the process of the tests had open at this one's start and had not marked close-on-exec, as the sockets of SwiftNIO are:
  /// how many of the numbers they take depends on what other tests do at the same time. Not the ends of pipes: one of them carries what this test finds.
  private static func letGoOfWhatWasInherited() {
    for descriptor in entries(of: "/proc/self/fd").compactMap({ Int32($0) }) where descriptor > STDERR_FILENO {
      let flags = fcntl(descriptor, F_GETFD)
      var facts = stat()
      guard flags >= 0, flags & FD_CLOEXEC == 0, fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT != S_IFIFO else { continue }
      close(descriptor)
    }
  }

  /// A sanitizer's own memory grows with everything that the program does: figures say nothing.
  public static let isSanitized = ["__tsan_init", "__asan_init"].contains { (name: String) in dlsym(nil, name) != nil }

  /// Bytes of memory in use.
  public static func residentBytes() -> Int {
    let pages = text(of: "/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// What a file of `/proc` says; empty if it cannot be read.
  public static func text(of path: String) -> String {
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

  /// The names in a folder of `/proc`; none if it cannot be read.
  public static func entries(of path: String) -> [String] {
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
