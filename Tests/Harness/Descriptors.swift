import Foundation
public import Glibc

/// A call of the system that failed in a test.
public struct SystemFailure: Error, CustomStringConvertible {
  public let action: String
  public let code: Int32

  public init(_ action: String, code: Int32 = errno) {
    self.action = action
    self.code = code
  }

  public var description: String { "\(action): \(String(cString: strerror(code)))" }
}

extension OwnProcess {
  /// Open descriptors, without the one that is needed to count them.
  public static func descriptors() -> Int { entries(of: "/proc/self/fd").count - 1 }

  /// A copy of each descriptor of a file, as a process has that was started and has not got to its program. The caller closes them.
  public static func copies(ofDescriptorsAt path: String) -> [Int32] {
    entries(of: "/proc/self/fd").filter { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path }
      .compactMap { Int32($0) }.map { dup($0) }
  }

  /// Sets the limit on descriptors, and what it may be raised to. Those that are open stay open, whatever their numbers.
  public static func limitDescriptors(to count: Int, hard: Int? = nil) async throws {
    // What carries out tasks and timers opens its own with the first of them, and ends the process when it cannot.
    try await Task.sleep(for: .milliseconds(1))
    try await Task.sleep(for: .milliseconds(1), clock: .suspending)
    var limit = rlimit(rlim_cur: rlim_t(count), rlim_max: rlim_t(hard ?? count))
    guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw SystemFailure("limit descriptors") }
  }

  /// Takes every descriptor that is left. The caller closes them.
  public static func takeAllDescriptors() -> [Int32] {
    var taken: [Int32] = []
    while case let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC), descriptor >= 0 { taken.append(descriptor) }
    return taken
  }

  /// How many descriptors are left; to see that it takes them all for an instant.
  public static func descriptorsLeft() -> Int {
    let taken = takeAllDescriptors()
    for descriptor in taken { close(descriptor) }
    return taken.count
  }

  /// Sockets with numbers beyond any limit that is set later: they can connect to ports of this process and take none of its descriptors.
  /// The caller closes them.
  public static func socketsBeyondTheLimit(_ count: Int) throws -> [Int32] {
    try (0..<count).map { _ in
      let low = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(low) }
      let high = fcntl(low, F_DUPFD_CLOEXEC, 500)
      guard high >= 0 else { throw SystemFailure("make a socket") }
      return high
    }
  }

  /// Connects a socket to a port of 127.0.0.1.
  public static func connect(_ descriptor: Int32, to port: Int) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard result == 0 else { throw SystemFailure("connect to port \(port)") }
  }

  /// Whether the other end has closed or reset the connection; takes nothing from it and does not wait.
  public static func hasEnded(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    return count == 0 || count < 0 && errno != EAGAIN
  }
}
