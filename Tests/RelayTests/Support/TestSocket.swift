import CLinux
import Glibc
import Harness
import Synchronization

@testable import Relay

/// Runs blocking calls in a thread of their own, so that no test holds up another one.
///
/// What they give goes through a lock: the thread sanitizer does not see that a continuation hands over what was written before.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  let given = Mutex<Result<Value, any Error>?>(nil)
  try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
    let isStarted = Thread.startDetached(name: "test") {
      let result = Result { try body() }
      given.withLock { $0 = result }
      continuation.resume()
    }
    if !isStarted { continuation.resume(throwing: SystemFailure("start a thread", code: EAGAIN)) }
  }
  guard let result = given.withLock({ $0 }) else { throw SystemFailure("run in a thread", code: EINVAL) }
  return try result.get()
}

/// The type of every socket of a test. Closed on exec: a test that runs in a process of its own would keep the sockets of the others
/// open, and whoever waits for their end would wait for that process.
let streamSocket = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

/// A blocking socket whose every call is bounded by a minute. Closed with the object, or earlier.
///
/// `@unchecked Sendable`: the descriptor is changed by `close` only, which a test calls when nobody else uses the socket.
final class TestSocket: @unchecked Sendable {
  private(set) var descriptor: Int32

  init(owning descriptor: Int32) {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close() }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  /// Closes so that the peer sees a reset.
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    close()
  }

  func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  static func connect(host: String = "127.0.0.1", port: Int) throws -> TestSocket {
    guard case .success(let addresses) = SocketAddress.look(up: host, port: port, .numeric), let address = addresses.first else {
      throw SystemFailure("look up \(host)", code: EINVAL)
    }
    return try connect(address)
  }

  /// Connects to 127.0.0.1 as another loopback address: another source.
  static func connect(port: Int, from source: String) throws -> TestSocket {
    guard case .success(let found) = SocketAddress.look(up: source, port: 0, .numeric), let near = found.first,
      case .success(let reached) = SocketAddress.look(up: "127.0.0.1", port: port, .numeric), let far = reached.first
    else { throw SystemFailure("look up \(source)", code: EINVAL) }
    return try connect(far, from: near)
  }

  static func connect(_ address: SocketAddress, from source: SocketAddress? = nil) throws -> TestSocket {
    let socket = TestSocket(owning: Glibc.socket(address.family, streamSocket, 0))
    let descriptor = socket.descriptor
    if let source, source.withPointer({ bind(descriptor, $0, $1) }) != 0 { throw SystemFailure("bind") }
    guard address.withPointer({ Glibc.connect(descriptor, $0, $1) }) == 0 else { throw SystemFailure("connect") }
    return socket
  }

  func write(_ bytes: [UInt8]) async throws {
    try await onThread { try self.writeNow(bytes) }
  }

  func writeNow(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw SystemFailure("write") }
      sent += count
    }
  }

  /// One read; empty at the end of the stream.
  func readNow(_ limit: Int = 65_536) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = recv(descriptor, &buffer, limit, 0)
    guard count >= 0 else { throw SystemFailure("read") }
    return Array(buffer.prefix(count))
  }

  /// Exactly so many bytes, or fewer if the stream ends before.
  func read(_ count: Int) async throws -> [UInt8] {
    try await onThread {
      var bytes: [UInt8] = []
      while bytes.count < count {
        let more = try self.readNow(min(65_536, count - bytes.count))
        if more.isEmpty { break }
        bytes += more
      }
      return bytes
    }
  }

  func readToEnd() async throws -> [UInt8] {
    try await onThread {
      var bytes: [UInt8] = []
      while true {
        let more = try self.readNow()
        if more.isEmpty { return bytes }
        bytes += more
      }
    }
  }

  /// The errno with which reading ends; 0 for an orderly end.
  func readUntilFailure() async throws -> Int32 {
    try await onThread {
      while true {
        do {
          if try self.readNow().isEmpty { return 0 }
        } catch let failure as SystemFailure {
          return failure.code
        }
      }
    }
  }
}

/// A listening socket of a test.
final class TestServer: Sendable {
  private let socket: TestSocket
  let port: Int

  init(host: String = "127.0.0.1", port: Int = 0, backlog: Int32 = 1024) throws {
    guard case .success(let addresses) = SocketAddress.look(up: host, port: port, .numeric), let address = addresses.first else {
      throw SystemFailure("look up", code: EINVAL)
    }
    let socket = TestSocket(owning: Glibc.socket(address.family, streamSocket, 0))
    let descriptor = socket.descriptor
    guard address.withPointer({ bind(descriptor, $0, $1) }) == 0, listen(descriptor, backlog) == 0 else {
      throw SystemFailure("listen")
    }
    self.socket = socket
    self.port = SocketAddress.localPort(of: descriptor)
  }

  init(unixPath path: String) throws {
    guard let address = SocketAddress(unixPath: path) else { throw SystemFailure("path", code: ENAMETOOLONG) }
    let socket = TestSocket(owning: Glibc.socket(AF_UNIX, streamSocket, 0))
    let descriptor = socket.descriptor
    guard address.withPointer({ bind(descriptor, $0, $1) }) == 0, listen(descriptor, 16) == 0 else {
      throw SystemFailure("listen")
    }
    self.socket = socket
    port = 0
  }

  var target: DialTarget { .host("127.0.0.1", port: port) }

  func close() { socket.close() }

  func accept() async throws -> TestSocket {
    try await onThread { try self.acceptNow() }
  }

  func acceptNow() throws -> TestSocket {
    // Closed on exec from the start, which accept(2) cannot do; but it can wait.
    var address = sockaddr_storage()
    var length: socklen_t = 0
    while true {
      var waiting = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 60_000) == 1 else { throw SystemFailure("accept", code: EAGAIN) }
      let descriptor = hyper_accept(socket.descriptor, &address, &length)
      if descriptor >= 0 {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        return TestSocket(owning: descriptor)
      }
      // Somebody else was faster, or the client is gone.
      guard errno == EAGAIN || errno == ECONNABORTED || errno == EINTR else { throw SystemFailure("accept") }
    }
  }

  /// Serves `count` connections, one after the other in threads of their own, by sending back what comes.
  func echo(_ count: Int) {
    _ = Thread.startDetached(name: "test-echo") {
      for _ in 0..<count {
        guard let socket = try? self.acceptNow() else { return }
        _ = Thread.startDetached(name: "test-echo") {
          while let bytes = try? socket.readNow(), !bytes.isEmpty { try? socket.writeNow(bytes) }
          socket.endWriting()
        }
      }
    }
  }
}

/// A TCP port of the loopback at which nobody listens: bound by us, so that nobody else gets it.
final class DeadPort: Sendable {
  private let socket: TestSocket
  let port: Int

  init() throws {
    guard case .success(let addresses) = SocketAddress.look(up: "127.0.0.1", port: 0, .numeric), let address = addresses.first else {
      throw SystemFailure("look up", code: EINVAL)
    }
    let socket = TestSocket(owning: Glibc.socket(AF_INET, streamSocket, 0))
    let descriptor = socket.descriptor
    guard address.withPointer({ bind(descriptor, $0, $1) }) == 0 else { throw SystemFailure("bind") }
    self.socket = socket
    port = SocketAddress.localPort(of: descriptor)
  }

  var target: DialTarget { .host("127.0.0.1", port: port) }
}
