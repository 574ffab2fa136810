/// Parses a complete ClientHello message (RFC 8446 4.1.2, RFC 5246 7.4.1.2).
///
/// Each length is checked against the end of what encloses it before anything is read, so no position leaves the message, and
/// each read checks its bounds once more. Positions are numbers of the function that reads: as part of a value that all functions
/// share they would go through memory at every field.
enum HelloParser {
  /// What the message says of itself and in its extensions.
  ///
  /// - Parameters:
  ///   - bytes: the message in one piece, its 4-byte header included.
  ///   - names: see ``RecentNames``.
  static func parse(_ bytes: RawSpan, names: inout RecentNames) throws(HelloRefusal) -> HelloExtensions {
    let end = bytes.byteCount
    var position = RecordScanner.messageHeaderBytes
    // legacy_version: 0x0300 and less must be refused (RFC 8446 D.5); what is above TLS 1.2 means TLS 1.2 (4.1.2).
    let legacyVersion = TLSVersion(rawValue: UInt16(try bytes.integer(2, at: &position, else: .truncatedMessage)))
    guard legacyVersion >= .tls10 else { throw HelloRefusal(.versionTooOld) }
    // random
    guard end - position >= 32 else { throw HelloRefusal(.truncatedMessage) }
    position += 32
    // legacy_session_id<0..32>
    let sessionEnd = try bytes.vector(1, at: &position, else: .truncatedMessage)
    guard sessionEnd - position <= 32 else { throw HelloRefusal(.sessionIDTooLong) }
    position = sessionEnd
    // cipher_suites<2..2^16-2>, two bytes each, and legacy_compression_methods<1..2^8-1>. Empty lists are illegal, too, but
    // public test suites hold hellos with them and they lead nobody astray: what is offered is the server's business.
    let suitesEnd = try bytes.vector(2, at: &position, else: .truncatedMessage)
    guard (suitesEnd - position).isMultiple(of: 2) else { throw HelloRefusal(.badCipherSuites) }
    position = suitesEnd
    position = try bytes.vector(1, at: &position, else: .truncatedMessage)
    // Before TLS 1.3 a hello may end here, without any extension (RFC 5246 7.4.1.2).
    guard position < end else { return HelloExtensions(highestVersion: min(legacyVersion, .tls12)) }
    let extensionsEnd = try bytes.vector(2, at: &position, else: .extensionsLength)
    guard extensionsEnd == end else { throw HelloRefusal(.extensionsLength) }
    return try HelloExtensions.read(bytes.extracting(position..<end), legacyVersion: min(legacyVersion, .tls12), names: &names)
  }
}
