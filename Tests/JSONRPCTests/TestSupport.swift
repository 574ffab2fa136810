import Glibc
import NIOCore

/// The user the tests run as.
let testUID = geteuid()

extension EventLoopFuture where Value == Void {
  /// Waits until the future is complete or the condition holds, looked at every 10 ms, for at most 20 s.
  func get(orAfter condition: @escaping @Sendable () -> Bool) async throws {
    let promise = eventLoop.makePromise(of: Void.self)
    cascade(to: promise)
    let watch = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(10), delay: .milliseconds(10)) { _ in
      if condition() { promise.succeed() }
    }
    let limit = eventLoop.scheduleTask(in: .seconds(20)) { promise.fail(ChannelError.connectTimeout(.seconds(20))) }
    defer {
      watch.cancel()
      limit.cancel()
    }
    try await promise.futureResult.get()
  }
}

/// Whether this machine has the IPv6 loopback address.
let hasIPv6: Bool = {
  let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  var address = sockaddr_in6()
  address.sin6_family = sa_family_t(AF_INET6)
  address.sin6_addr = in6addr_loopback
  return withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0 }
  }
}()
