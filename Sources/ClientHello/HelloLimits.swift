/// How much of a client's opening we are willing to take before it has told us where it wants to go.
public struct HelloLimits: Hashable, Sendable {
  /// The largest ClientHello message, its 4-byte header included.
  ///
  /// 132 KiB: the grammar of RFC 8446 4.1.2 allows 131 400 bytes (two vectors of 64 KiB and the small fields), so with the
  /// default every legal hello fits and whatever announces more is wrong about its own length.
  public var messageBytes: Int

  /// The most bytes, record headers included, that one hello may take on the wire.
  ///
  /// 256 KiB: the largest legal message in records of a dozen bytes each. A smaller cut is legal for small hellos, but
  /// nobody does it to a large one by accident.
  public var rawBytes: Int

  public init(messageBytes: Int = 132 * 1024, rawBytes: Int = 256 * 1024) {
    self.messageBytes = messageBytes
    self.rawBytes = rawBytes
  }
}
