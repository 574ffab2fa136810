import Addresses

extension ProxyHeader {
  /// Section 2.2. What is behind the addresses are type-length-value vectors.
  private enum Field {
    static let alpn: UInt8 = 0x01
    static let authority: UInt8 = 0x02
    static let crc32c: UInt8 = 0x03
    static let uniqueID: UInt8 = 0x05
  }

  static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
  /// Of an application protocol (RFC 7301 3.1) and of a host name (RFC 1035): what is longer is no such thing.
  private static let longestName = 255
  /// Section 2.2.5.
  private static let longestUniqueID = 128

  var binary: [UInt8] {
    var body = addressBlock + fields
    // Type, length, and the place of the sum, which is computed as if it were zero (section 2.2.3).
    body += Self.field(Field.crc32c, [0, 0, 0, 0])
    // Version 2, command PROXY. Few hundred bytes at most: the length fits.
    var header = Self.signature + [0x21, familyByte] + Self.bigEndian(UInt16(truncatingIfNeeded: body.count)) + body
    let sum = CRC32C.checksum(header)
    header.replaceSubrange(header.count - 4..<header.count, with: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) })
    return header
  }

  /// The family in the upper half, stream in the lower one; zero when nothing is known.
  private var familyByte: UInt8 {
    switch client?.address.family {
    case .v4: 0x11
    case .v6: 0x21
    case nil: 0x00
    }
  }

  private var addressBlock: [UInt8] {
    guard let client else { return [] }
    let ends = ends(of: client)
    return ends.client.address.bytes + ends.destination.address.bytes + Self.bigEndian(ends.client.port)
      + Self.bigEndian(ends.destination.port)
  }

  private var fields: [UInt8] {
    var fields: [UInt8] = []
    if offeredProtocols.count == 1, (1...Self.longestName).contains(offeredProtocols[0].count) {
      fields += Self.field(Field.alpn, offeredProtocols[0])
    }
    if let authority, (1...Self.longestName).contains(authority.utf8.count) { fields += Self.field(Field.authority, Array(authority.utf8)) }
    if (1...Self.longestUniqueID).contains(uniqueID.count) { fields += Self.field(Field.uniqueID, uniqueID) }
    return fields
  }

  private static func field(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
    [type] + bigEndian(UInt16(truncatingIfNeeded: value.count)) + value
  }

  private static func bigEndian(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }
}
