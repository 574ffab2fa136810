/// The lists of protocols that nearly everybody sends (RFC 7301 3.1), made once: a hello that carries one of them costs no
/// memory for it.
enum UsualProtocols {
  private static let http2AndHTTP1 = [Array("h2".utf8), Array("http/1.1".utf8)]
  private static let http1 = [Array("http/1.1".utf8)]
  private static let http2 = [Array("h2".utf8)]
  private static let acme = [Array("acme-tls/1".utf8)]

  /// The list that these bytes, a whole `protocol_name_list` without its length, stand for; nil when it is none of the usual.
  @inline(__always)
  static func list(for wire: RawSpan) -> [[UInt8]]? {
    switch wire.byteCount {
    case 12 where isSame(wire, "\u{2}h2\u{8}http/1.1"): http2AndHTTP1
    case 9 where isSame(wire, "\u{8}http/1.1"): http1
    case 3 where isSame(wire, "\u{2}h2"): http2
    case 11 where isSame(wire, "\u{A}acme-tls/1"): acme
    default: nil
    }
  }

  @inline(__always)
  private static func isSame(_ wire: RawSpan, _ usual: StaticString) -> Bool {
    usual.withUTF8Buffer { usual in
      guard usual.count == wire.byteCount else { return false }
      var difference: UInt8 = 0
      for place in usual.indices { difference |= usual[place] ^ wire.byte(at: place) }
      return difference == 0
    }
  }
}
