public import ClientHello

/// What the hellos were like that were read since the start.
public struct HelloFigures: Hashable, Sendable {
  /// Message bytes, message header included.
  public internal(set) var messageBytes = Distribution(of: .messageBytes)
  /// Bytes on the wire, record headers included.
  public internal(set) var rawBytes = Distribution(of: .rawBytes)
  /// TLS records per hello.
  public internal(set) var records = Distribution(of: .records)
  /// Pieces received per hello.
  public internal(set) var segments = Distribution(of: .segments)
  /// How many carried `encrypted_client_hello`, real or GREASE.
  public internal(set) var withECH: UInt64 = 0
  /// How many offered this as their highest version; what is above TLS 1.3 counts under ``TLSVersion/later``.
  public internal(set) var byVersion: [TLSVersion: UInt64] = [:]
}

/// How often values of some size occurred.
public struct Distribution: Hashable, Sendable {
  /// Upper bounds, ascending, each included in its class.
  public let bounds: [UInt64]
  /// One per bound and one for everything above.
  public internal(set) var counts: [UInt64]
  public internal(set) var sum: UInt64 = 0

  init(of measure: HelloMeasure) {
    bounds = measure.bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }
}

extension TLSVersion {
  /// Stands in counters for every version after TLS 1.3, so that clients cannot invent new ones to be counted.
  public static let later = TLSVersion(rawValue: 0xFFFF)

  /// All that occur as keys of ``HelloFigures/byVersion``.
  public static let counted: [TLSVersion] = [.tls10, .tls11, .tls12, .tls13, .later]
}

/// What is measured of every hello.
enum HelloMeasure: Int, CaseIterable {
  case messageBytes, rawBytes, records, segments

  var bounds: [UInt64] {
    switch self {
    // One segment holds about 1460; today's browsers send 1800 with a post-quantum key share; 131 400 is the legal maximum.
    case .messageBytes: [256, 512, 1024, 1460, 2048, 4096, 8192, 16_384, 65_536, 131_400]
    case .rawBytes: [256, 512, 1024, 1460, 2048, 4096, 8192, 16_384, 65_536, 131_400, 262_144]
    case .records, .segments: [1, 2, 3, 4, 8, 16, 64, 256, 1024, 16_384]
    }
  }
}
