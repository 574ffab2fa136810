import Glibc
import Synchronization

/// TCP ports that nobody uses, for programs that are told their ports in settings and must get them again after a restart.
///
/// They lie below the range from which the kernel takes the near ends of outgoing connections, so that none of these can take a port while its
/// program is down. `taken` is protected by its mutex.
enum FreePorts {
  private static let range = 20_000..<32_000
  private static let attempts = 1000
  private static let taken = Mutex<Set<Int>>([])

  /// - Throws: `TestFailure` when hardly any port of the range is free.
  static func take(_ count: Int) throws -> [Int] {
    try (0..<count).map { _ in
      for _ in 0..<attempts {
        let port = Int.random(in: range)
        guard taken.withLock({ $0.insert(port).inserted }) else { continue }
        if isFree(port) { return port }
      }
      throw TestFailure("no free port between \(range.lowerBound) and \(range.upperBound)")
    }
  }

  private static func isFree(_ port: Int) -> Bool {
    guard let ipv4 = try? Listener(port: port) else { return false }  // taken is the only reason that matters
    ipv4.close()
    return true
  }
}

/// A listening socket of the test itself on 127.0.0.1, which stands in the way of a program that wants the same port.
final class Listener: Sendable {
  private let descriptor: Int32
  private let isOpen = Mutex(true)

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
    }
    guard isBound, listen(descriptor, 1) == 0 else {
      let code = errno
      _ = Glibc.close(descriptor)
      throw TestFailure("listen on 127.0.0.1:\(port): errno \(code)")
    }
  }

  func close() {
    let wasOpen = isOpen.withLock { isOpen in
      defer { isOpen = false }
      return isOpen
    }
    if wasOpen { _ = Glibc.close(descriptor) }
  }

  deinit { close() }
}
