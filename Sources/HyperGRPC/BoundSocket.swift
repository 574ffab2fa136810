import Glibc
import Operations
import Synchronization

/// A TCP socket that is bound and listening before anybody accepts from it.
///
/// Owns the descriptor until `take`; closes it otherwise. `descriptor` is the only mutable state, behind its mutex.
final class BoundSocket: Sendable {
  /// Connections that wait to be accepted while the node starts or is busy. Few, on purpose: taking one in costs some milliseconds, so that the
  /// last of these waits for half a second. When thousands of nodes come back at once, each of the others tries again a second later, by the
  /// kernel's doing; in a long queue it would wait longer than its attempt takes, and be taken in when it has gone.
  static let backlog: Int32 = 128

  let port: Int
  private let descriptor: Mutex<Int32?>

  private init(descriptor: Int32, port: Int) {
    self.descriptor = Mutex(descriptor)
    self.port = port
  }

  deinit {
    if let open = descriptor.withLock({ $0 }) { close(open) }
  }

  /// Hands the descriptor over: the caller closes it. Nil after the first time.
  func take() -> Int32? {
    descriptor.withLock { held in
      defer { held = nil }
      return held
    }
  }

  /// Binds and listens. Names resolve to their first IPv4 address if they have one, as at the deployed nodes.
  ///
  /// Resolving may block; meant for the start of the program.
  /// - Parameter port: 0 for any free one.
  /// - Throws: `StartFailure` that names the address and the reason.
  static func listening(host: String, port: Int) throws(StartFailure) -> BoundSocket {
    let what = "\(host):\(port)"
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var list: UnsafeMutablePointer<addrinfo>?
    // getaddrinfo fills `list`, which is freed below; the pointers are used only in between.
    let status = getaddrinfo(host.isEmpty ? nil : host, String(port), &hints, &list)
    guard status == 0, let first = list else {
      throw StartFailure(message: "cannot resolve the gRPC bind address \(what): \(String(cString: gai_strerror(status)))", hint: nil)
    }
    defer { freeaddrinfo(first) }
    var addresses: [UnsafeMutablePointer<addrinfo>] = []
    var next: UnsafeMutablePointer<addrinfo>? = first
    while let address = next {
      addresses.append(address)
      next = address.pointee.ai_next
    }
    let chosen = addresses.first { $0.pointee.ai_family == AF_INET } ?? first
    return try open(chosen.pointee, what: what)
  }

  private static func open(_ address: addrinfo, what: String) throws(StartFailure) -> BoundSocket {
    let descriptor = socket(address.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure("cannot open a socket for", what, errno) }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, backlog) == 0 else {
      let reason = errno
      close(descriptor)
      throw failure("cannot listen for gRPC on", what, reason)
    }
    return BoundSocket(descriptor: descriptor, port: boundPort(of: descriptor))
  }

  /// The port number the kernel chose; both address families keep it in the same place.
  private static func boundPort(of descriptor: Int32) -> Int {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // sockaddr_storage may be read as any socket address; the pointer does not leave the closure.
    return withUnsafeMutableBytes(of: &storage) { bytes in
      guard let base = bytes.baseAddress,
        getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &length) == 0
      else { return 0 }
      return Int(UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self)))
    }
  }

  private static func failure(_ doing: String, _ what: String, _ reason: Int32) -> StartFailure {
    let hint = reason == EADDRINUSE ? "another program uses this port; perhaps the node is already running" : nil
    return StartFailure(message: "\(doing) \(what): \(String(cString: strerror(reason)))", hint: hint)
  }
}
