import Glibc

/// Whom a connection is counted for: an IPv4 address, or the first 64 bits of an IPv6 address, because whoever has one address of such a
/// network has all of them.
public struct SourceKey: Hashable, Sendable {
  private let prefix: UInt64
  private let isIPv6: Bool

  /// - Parameter ipv4: four bytes, in the order they are written.
  public init(ipv4 bytes: [UInt8]) {
    self.init(prefix: Self.number(bytes.prefix(4)), isIPv6: false)
  }

  /// - Parameter ipv6: sixteen bytes; an IPv4 address in IPv6 clothes (`::ffff:a.b.c.d`, RFC 4291, 2.5.5.2) counts as that one.
  public init(ipv6 bytes: [UInt8]) {
    if bytes.count == 16, bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
      self.init(ipv4: Array(bytes[12...]))
      return
    }
    self.init(prefix: Self.number(bytes.prefix(8)), isIPv6: true)
  }

  /// - Parameter ipAddress: as it is written, an IPv6 address without brackets; nil for anything else.
  public init?(ipAddress: String) {
    var ipv4 = in_addr()
    var ipv6 = in6_addr()
    if inet_pton(AF_INET, ipAddress, &ipv4) == 1 {
      // Network byte order: the bytes lie as they are written.
      self = withUnsafeBytes(of: ipv4) { SourceKey(ipv4: Array($0)) }
    } else if inet_pton(AF_INET6, String(ipAddress.prefix { $0 != "%" }), &ipv6) == 1 {
      self = withUnsafeBytes(of: ipv6) { SourceKey(ipv6: Array($0)) }
    } else {
      return nil
    }
  }

  private init(prefix: UInt64, isIPv6: Bool) {
    self.prefix = prefix
    self.isIPv6 = isIPv6
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension SourceKey: CustomStringConvertible {
  /// `192.0.2.7`, or `2001:db8:0:1::/64`.
  public var description: String {
    guard isIPv6 else {
      return stride(from: 24, through: 0, by: -8).map { String(prefix >> UInt64($0) & 0xff) }.joined(separator: ".")
    }
    return stride(from: 48, through: 0, by: -16).map { String(prefix >> UInt64($0) & 0xffff, radix: 16) }.joined(separator: ":") + "::/64"
  }
}
