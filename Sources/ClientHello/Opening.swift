/// Tells TLS from what else is spoken to a TLS port, by the first bytes of a connection.
enum Opening {
  /// The beginnings we name in the log. Everything else that is not TLS is just that.
  private static let known: [(bytes: [UInt8], reason: HelloRefusal.Reason)] =
    ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PRI * HTTP/"]
    .map { (Array($0.utf8), .plainHTTP) } + [
      (Array("SSH-".utf8), .ssh),
      (Array("PROXY ".utf8), .proxyProtocol),
      ([0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A], .proxyProtocol),
    ]

  /// True for the beginning of a TLS record; false as long as that is open.
  ///
  /// - Throws: what it is instead, as soon as that is certain.
  static func isTLS(_ received: RawSpan) throws(HelloRefusal) -> Bool {
    guard received.byteCount >= 1 else { return false }
    let first = received.byte(at: 0)
    if ContentType.known.contains(first) {
      guard received.byteCount >= 2 else { return false }
      guard received.byte(at: 1) == 3 else { throw HelloRefusal(.notTLS) }
      return true
    }
    if first & 0x80 != 0 {
      try refuseSSLv2(received)
    } else {
      try refuseByName(received)
    }
    return false
  }

  /// The old hello of RFC 5246 E.2: two length bytes with the top bit set, message type 1, version 0.2 or 3.x.
  private static func refuseSSLv2(_ received: RawSpan) throws(HelloRefusal) {
    guard received.byteCount >= 3 else { return }
    guard received.byte(at: 2) == HandshakeType.clientHello else { throw HelloRefusal(.notTLS) }
    guard received.byteCount >= 5 else { return }
    switch (received.byte(at: 3), received.byte(at: 4)) {
    case (0, 2), (3, _): throw HelloRefusal(.sslv2)
    default: throw HelloRefusal(.notTLS)
    }
  }

  /// Waits while the bytes are the beginning of something known, so that the reason does not depend on the segments.
  private static func refuseByName(_ received: RawSpan) throws(HelloRefusal) {
    var isOpen = false
    for candidate in known {
      let common = min(received.byteCount, candidate.bytes.count)
      guard (0..<common).allSatisfy({ received.byte(at: $0) == candidate.bytes[$0] }) else { continue }
      if common == candidate.bytes.count { throw HelloRefusal(candidate.reason) }
      isOpen = true
    }
    if !isOpen { throw HelloRefusal(.notTLS) }
  }
}
