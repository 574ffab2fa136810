/// Parses a complete ClientHello message (RFC 8446 4.1.2, RFC 5246 7.4.1.2).
///
/// Each length is checked against the end of what encloses it before anything is read, so the position never leaves the
/// message. Extensions nobody asked about are skipped whatever they hold.
struct HelloParser {
  private let packing: RecordScanner.Packing
  /// Where in the message the next byte stands.
  var position = 0
  var facts: ClientHelloFacts

  init(packing: RecordScanner.Packing) {
    self.packing = packing
    facts = ClientHelloFacts(
      serverName: nil, highestVersion: .tls12, messageBytes: packing.messageBytes, rawBytes: packing.rawBytes,
      recordCount: packing.recordCount)
  }

  /// - Parameter bytes: the message in one piece, its 4-byte header included.
  mutating func parse(_ bytes: RawSpan) throws(HelloRefusal) -> ClientHelloFacts {
    let end = packing.messageBytes
    try skip(RecordScanner.messageHeaderBytes, bytes, before: end, else: .truncatedMessage)
    try parseFixedPart(bytes, before: end)
    // Before TLS 1.3 a hello may end here, without any extension (RFC 5246 7.4.1.2).
    guard position < end else { return facts }
    let extensionsEnd = try vector(2, bytes, before: end, else: .extensionsLength)
    guard extensionsEnd == end else { throw HelloRefusal(.extensionsLength) }
    try parseExtensions(bytes, before: end)
    return facts
  }

  private mutating func parseFixedPart(_ bytes: RawSpan, before end: Int) throws(HelloRefusal) {
    // legacy_version: 0x0300 and less must be refused (RFC 8446 D.5); what is above TLS 1.2 means TLS 1.2 (4.1.2).
    let legacyVersion = TLSVersion(rawValue: UInt16(try integer(2, bytes, before: end, else: .truncatedMessage)))
    guard legacyVersion >= .tls10 else { throw HelloRefusal(.versionTooOld) }
    facts.highestVersion = min(legacyVersion, .tls12)
    // random
    try skip(32, bytes, before: end, else: .truncatedMessage)
    // legacy_session_id<0..32>
    let sessionEnd = try vector(1, bytes, before: end, else: .truncatedMessage)
    guard sessionEnd - position <= 32 else { throw HelloRefusal(.sessionIDTooLong) }
    position = sessionEnd
    // cipher_suites<2..2^16-2>, two bytes each, and legacy_compression_methods<1..2^8-1>. Empty lists are illegal, too, but
    // public test suites hold hellos with them and they lead nobody astray: what is offered is the server's business.
    let suitesEnd = try vector(2, bytes, before: end, else: .truncatedMessage)
    guard (suitesEnd - position).isMultiple(of: 2) else { throw HelloRefusal(.badCipherSuites) }
    position = suitesEnd
    let methodsEnd = try vector(1, bytes, before: end, else: .truncatedMessage)
    position = methodsEnd
  }
}

// The ways to read, with the end of what encloses the field and the reason to give when it does not fit.
extension HelloParser {
  /// A big-endian number of 1 or 2 bytes.
  @inline(__always)
  mutating func integer(
    _ size: Int, _ bytes: RawSpan, before end: Int, else reason: HelloRefusal.Reason
  ) throws(HelloRefusal) -> Int {
    guard end - position >= size else { throw HelloRefusal(reason) }
    defer { position += size }
    return size == 1 ? Int(bytes.byte(at: position)) : bytes.pair(at: position)
  }

  /// The length in front of a vector; returns where in the message the vector ends.
  @inline(__always)
  mutating func vector(
    _ size: Int, _ bytes: RawSpan, before end: Int, else reason: HelloRefusal.Reason
  ) throws(HelloRefusal) -> Int {
    let length = try integer(size, bytes, before: end, else: reason)
    guard end - position >= length else { throw HelloRefusal(reason) }
    return position + length
  }

  @inline(__always)
  mutating func skip(
    _ count: Int, _ bytes: RawSpan, before end: Int, else reason: HelloRefusal.Reason
  ) throws(HelloRefusal) {
    guard end - position >= count else { throw HelloRefusal(reason) }
    position += count
  }

  /// Copies what is left of a vector whose end has been checked.
  mutating func copy(_ bytes: RawSpan, to end: Int) -> [UInt8] {
    defer { position = end }
    return bytes.extracting(position..<end).withUnsafeBytes { Array($0) }
  }
}
