public import ClientHello

/// How a hello came and what it offers, small enough to be kept with its stream until the end.
public struct HelloShape: Hashable, Sendable {
  /// The length of the message, its header included.
  public let messageBytes: UInt32
  /// What it took on the wire, record headers included.
  public let rawBytes: UInt32
  /// TLS records.
  public let records: UInt32
  /// Pieces in which it was received: at most the number of its TCP segments.
  public let segments: UInt32
  public let highestVersion: TLSVersion
  /// Whether it carries `encrypted_client_hello`, real or GREASE.
  public let echPresent: Bool

  public init(_ facts: ClientHelloFacts) {
    // A message has less than 2^24 bytes and takes less than 2^27, one for each record and piece.
    messageBytes = UInt32(truncatingIfNeeded: facts.messageBytes)
    rawBytes = UInt32(truncatingIfNeeded: facts.rawBytes)
    records = UInt32(truncatingIfNeeded: facts.recordCount)
    segments = UInt32(truncatingIfNeeded: facts.segmentCount)
    highestVersion = facts.highestVersion
    echPresent = facts.echPresent
  }
}
