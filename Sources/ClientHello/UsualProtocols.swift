/// The lists of protocols that nearly everybody sends (RFC 7301 3.1), made once: a hello that carries one of them costs no
/// memory for it.
enum UsualProtocols {
  private static let lists: [(wire: [UInt8], protocols: [[UInt8]])] = [["h2", "http/1.1"], ["http/1.1"], ["h2"], ["acme-tls/1"]]
    .map { (ids: [String]) in
      let protocols = ids.map { Array($0.utf8) }
      return (protocols.flatMap { [UInt8($0.count)] + $0 }, protocols)
    }

  /// The list that these bytes, a whole `protocol_name_list` without its length, stand for; nil when it is none of the usual.
  static func list(for wire: RawSpan) -> [[UInt8]]? {
    wire.withUnsafeBytes { bytes in
      for usual in lists where usual.wire.count == bytes.count && isSame(usual.wire, bytes) { return usual.protocols }
      return nil
    }
  }

  private static func isSame(_ left: [UInt8], _ right: UnsafeRawBufferPointer) -> Bool {
    left.withUnsafeBytes { left in
      var difference: UInt8 = 0
      for place in left.indices { difference |= left[place] ^ right[place] }
      return difference == 0
    }
  }
}
