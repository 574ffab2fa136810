import CLinux
import Glibc

/// An address that can be bound or connected to.
struct SocketAddress: Sendable {
  private let storage: sockaddr_storage
  private let length: socklen_t

  /// Nil when the path is empty or over 107 bytes.
  init?(unixPath path: String) {
    var storage = sockaddr_storage()
    var length: socklen_t = 0
    guard !path.utf8.contains(0), hyper_unix_address(path, &storage, &length) == 0 else { return nil }
    self.storage = storage
    self.length = length
  }

  private init?(_ pointer: UnsafePointer<sockaddr>, length: socklen_t) {
    guard Int(length) <= MemoryLayout<sockaddr_storage>.size else { return nil }
    var storage = sockaddr_storage()
    withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(length))) }
    self.storage = storage
    self.length = length
  }

  var family: Int32 { Int32(storage.ss_family) }
  var isUnix: Bool { family == AF_UNIX }

  /// The same address with another port. Only for the two families that have ports.
  func with(port: Int) -> SocketAddress {
    var storage = storage
    // The port is at the same place in both address structures of the Internet.
    let value = UInt16(truncatingIfNeeded: port).bigEndian
    withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: value, toByteOffset: 2, as: UInt16.self) }
    return SocketAddress(storage: storage, length: length)
  }

  private init(storage: sockaddr_storage, length: socklen_t) {
    self.storage = storage
    self.length = length
  }

  var isWildcard: Bool {
    withUnsafeBytes(of: storage) { raw in
      switch family {
      case AF_INET: raw[4..<8].allSatisfy { $0 == 0 }
      case AF_INET6: raw[8..<24].allSatisfy { $0 == 0 }
      default: false
      }
    }
  }

  /// Without the port.
  var host: String { PeerAddress(storage).text?.host ?? "unknown address" }

  var text: String { isUnix ? "unix socket" : PeerAddress(storage).text?.description ?? "unknown address" }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafeBytes(of: storage) { raw in
      guard let base = raw.baseAddress else { preconditionFailure("a value has an address") }
      return body(base.assumingMemoryBound(to: sockaddr.self), length)
    }
  }

  /// The port a socket is bound to; 0 when it has none.
  static func localPort(of descriptor: Int32) -> Int {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    return result == 0 ? Int(PeerAddress(storage).port) : 0
  }

  /// What kind of look-up is wanted.
  enum LookUp {
    /// Numeric addresses only; does not block.
    case numeric
    /// Asks the system's resolver, which may take as long as it likes.
    case name
    /// For binding.
    case passive
  }

  private static func localhost(port: Int) -> Result<[SocketAddress], LookUpFailure> {
    look(up: "127.0.0.1", port: port, .numeric).flatMap { four in
      look(up: "::1", port: port, .numeric).map { four + $0 }
    }
  }

  /// The addresses of a host, in the order in which the system wants them tried; or what the resolver said.
  static func look(up host: String, port: Int, _ kind: LookUp) -> Result<[SocketAddress], LookUpFailure> {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags =
      switch kind {
      case .numeric: AI_NUMERICHOST | AI_NUMERICSERV
      case .name: AI_NUMERICSERV
      case .passive: AI_NUMERICSERV | AI_PASSIVE
      }
    // Both loopback addresses, whatever the machine's files say (RFC 6761 6.3): some know only one of them.
    if host.lowercased() == "localhost" { return localhost(port: port) }
    guard (0...65_535).contains(port) else { return .failure(LookUpFailure(text: "no such port: \(port)", isUnknownName: false)) }
    var list: UnsafeMutablePointer<addrinfo>?
    let everywhere = kind == .passive && (host.isEmpty || host == "*")
    let code = getaddrinfo(everywhere ? nil : host, String(port), &hints, &list)
    guard code == 0 else {
      let text = gai_strerror(code).map { String(cString: $0) } ?? "error \(code)"
      return .failure(LookUpFailure(text: text, isUnknownName: code == EAI_NONAME))
    }
    defer { freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = list
    while let entry = next {
      if let pointer = entry.pointee.ai_addr, let address = SocketAddress(pointer, length: entry.pointee.ai_addrlen) {
        found.append(address)
      }
      next = entry.pointee.ai_next
    }
    return .success(found)
  }
}

/// Why a name could not be turned into addresses.
struct LookUpFailure: Error, Hashable {
  let text: String
  let isUnknownName: Bool
}
