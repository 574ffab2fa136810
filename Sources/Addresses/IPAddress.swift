import Glibc

/// An address of the Internet, as bytes.
public struct IPAddress: Hashable, Sendable {
  public enum Family: Hashable, Sendable {
    case v4
    case v6
  }

  public let family: Family
  /// In network order: 4 bytes, or 16.
  public let bytes: [UInt8]

  /// - Returns: nil for any other number of bytes than 4 and 16. An IPv6 address that stands for an IPv4 one (`::ffff:0:0/96`, as
  ///   sockets for both families report their peers) becomes that.
  public init?(bytes: [UInt8]) {
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
    switch bytes.count {
    case 4:
      family = .v4
      self.bytes = bytes
    case 16 where bytes.starts(with: mapped):
      family = .v4
      self.bytes = Array(bytes.suffix(4))
    case 16:
      family = .v6
      self.bytes = bytes
    default: return nil
    }
  }

  /// - Returns: nil when the text is no numeric address. Brackets and zones (`%eth0`) are none.
  public init?(_ text: String) {
    // Longer ones are none, and the function below stops at the first zero byte.
    guard text.utf8.count <= Self.longestText, !text.utf8.contains(0) else { return nil }
    var bytes = [UInt8](repeating: 0, count: text.utf8.contains(UInt8(ascii: ":")) ? 16 : 4)
    guard inet_pton(bytes.count == 16 ? AF_INET6 : AF_INET, text, &bytes) == 1 else { return nil }
    self.init(bytes: bytes)
  }

  /// `INET6_ADDRSTRLEN` without the end mark.
  static let longestText = 45

  /// The unspecified address, `0.0.0.0` or `::`.
  public static func unspecified(_ family: Family) -> IPAddress {
    IPAddress(family: family, bytes: [UInt8](repeating: 0, count: family == .v4 ? 4 : 16))
  }

  private init(family: Family, bytes: [UInt8]) {
    self.family = family
    self.bytes = bytes
  }

  /// The address with all but its first bits zero.
  public func masked(bits: Int) -> IPAddress {
    let masked = bytes.enumerated().map { index, byte in
      let kept = min(8, max(0, bits - index * 8))
      return byte & UInt8(truncatingIfNeeded: 0xFF00 >> kept)
    }
    return IPAddress(family: family, bytes: masked)
  }

  /// How much of an address says where somebody is and not who: what providers hand out to many customers.
  public var networkBits: Int { family == .v4 ? 24 : 48 }

  /// The address without what says who it is.
  public var network: IPAddress { masked(bits: networkBits) }

  public var source: Source { Source(of: self) }
}

extension IPAddress: CustomStringConvertible {
  public var description: String {
    var text = [CChar](repeating: 0, count: Self.longestText + 1)
    var bytes = bytes
    // Cannot fail: the family is known and there is room for the longest text.
    guard inet_ntop(family == .v4 ? AF_INET : AF_INET6, &bytes, &text, socklen_t(text.count)) != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
