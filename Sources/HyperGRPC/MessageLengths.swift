import NIOCore

/// Follows the messages of one gRPC stream by their length prefixes (gRPC over HTTP/2: one byte of compression, four of length), so that a
/// message that is too large is seen before its bytes have come. A value without I/O.
struct MessageLengths {
  private static let prefixLength = 5

  private let limit: Int
  /// Bytes of the present message that are still to come; 0 between messages.
  private var remaining = 0
  private var prefix: [UInt8] = []

  init(limit: Int) {
    self.limit = limit
  }

  /// - Returns: the length of the first message that is larger than allowed, once it is known.
  mutating func received(_ bytes: ByteBuffer) -> Int? {
    var bytes = bytes
    while bytes.readableBytes > 0 {
      if remaining > 0 {
        let taken = min(remaining, bytes.readableBytes)
        bytes.moveReaderIndex(forwardBy: taken)
        remaining -= taken
        continue
      }
      prefix += bytes.readBytes(length: min(Self.prefixLength - prefix.count, bytes.readableBytes)) ?? []
      guard prefix.count == Self.prefixLength else { break }
      let length = prefix.dropFirst().reduce(0) { $0 << 8 | Int($1) }
      prefix = []
      guard length <= limit else { return length }
      remaining = length
    }
    return nil
  }
}
