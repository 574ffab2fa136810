import CLinux
import Glibc

/// The address of a client, small enough for a slot: turned into text only when somebody wants to read it.
struct PeerAddress: Hashable {
  enum Family: UInt8 { case none, ipv4, ipv6, unix }

  let high: UInt64
  let low: UInt64
  let port: UInt16
  let family: Family

  static let none = PeerAddress(high: 0, low: 0, port: 0, family: .none)
  static let unix = PeerAddress(high: 0, low: 0, port: 0, family: .unix)

  private init(high: UInt64, low: UInt64, port: UInt16, family: Family) {
    self.high = high
    self.low = low
    self.port = port
    self.family = family
  }

  /// What accept(2) gave. An IPv4 client of a dual-stack socket (`::ffff:a.b.c.d`) is an IPv4 client.
  init(_ storage: sockaddr_storage) {
    switch Int32(storage.ss_family) {
    case AF_INET:
      self = withUnsafeBytes(of: storage) { raw in
        let address = raw.loadUnaligned(as: sockaddr_in.self)
        let number = UInt64(UInt32(bigEndian: address.sin_addr.s_addr))
        return PeerAddress(high: 0, low: number, port: UInt16(bigEndian: address.sin_port), family: .ipv4)
      }
    case AF_INET6:
      self = withUnsafeBytes(of: storage) { raw in
        let address = raw.loadUnaligned(as: sockaddr_in6.self)
        let (high, low) = withUnsafeBytes(of: address.sin6_addr) { bytes in
          (
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
          )
        }
        let port = UInt16(bigEndian: address.sin6_port)
        if high == 0, low >> 32 == 0xffff {
          return PeerAddress(high: 0, low: low & 0xffff_ffff, port: port, family: .ipv4)
        }
        return PeerAddress(high: high, low: low, port: port, family: .ipv6)
      }
    case AF_UNIX:
      self = .unix
    default:
      self = .none
    }
  }

  /// What counts as one source: an IPv4 address, an IPv6 /64 (the least that a customer gets).
  var source: UInt64 { family == .ipv6 ? high : low }

  /// For people; nil where there was no peer.
  var text: SocketAddressText? { SocketAddressText(self) }

  /// The numeric address.
  var host: String {
    switch family {
    case .none: "unknown"
    case .unix: "unix"
    case .ipv4: (0..<4).map { String(low >> (24 - 8 * UInt64($0)) & 0xff) }.joined(separator: ".")
    case .ipv6: ipv6Text
    }
  }

  private var ipv6Text: String {
    var words = (high.bigEndian, low.bigEndian)
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    _ = inet_ntop(AF_INET6, &words, &buffer, socklen_t(buffer.count))
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
