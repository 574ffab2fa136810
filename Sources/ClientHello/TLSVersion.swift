/// A protocol version as it stands in a hello, for example 0x0304 for TLS 1.3.
public struct TLSVersion: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt16

  @inlinable
  public init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  @inlinable public static var tls10: TLSVersion { TLSVersion(rawValue: 0x0301) }
  @inlinable public static var tls11: TLSVersion { TLSVersion(rawValue: 0x0302) }
  @inlinable public static var tls12: TLSVersion { TLSVersion(rawValue: 0x0303) }
  @inlinable public static var tls13: TLSVersion { TLSVersion(rawValue: 0x0304) }

  public static func < (left: TLSVersion, right: TLSVersion) -> Bool { left.rawValue < right.rawValue }
}

extension TLSVersion: CustomStringConvertible {
  /// `TLS 1.3`, or the number for what has no name here.
  public var description: String {
    switch self {
    case .tls10: "TLS 1.0"
    case .tls11: "TLS 1.1"
    case .tls12: "TLS 1.2"
    case .tls13: "TLS 1.3"
    default: "0x" + String(rawValue, radix: 16)
    }
  }
}
