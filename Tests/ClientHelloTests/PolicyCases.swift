import ClientHello
import Testing

/// One row of the table in docs/hello.md: what arrives, and which document says what to do about it.
struct PolicyCase: Sendable, CustomTestStringConvertible {
  var title: String
  var source: String
  var bytes: [UInt8]

  var testDescription: String { title }

  init(_ title: String, _ source: String, _ bytes: [UInt8]) {
    self.title = title
    self.source = source
    self.bytes = bytes
  }

  init(_ title: String, _ source: String, _ hello: HelloBuilder) {
    self.init(title, source, hello.bytes)
  }

  init(_ title: String, _ source: String, name: String) {
    self.init(title, source, HelloBuilder(name: name))
  }

  /// A hello of which one field has been changed.
  init(_ title: String, _ source: String, _ change: (inout HelloBuilder) -> Void) {
    var hello = HelloBuilder()
    change(&hello)
    self.init(title, source, hello)
  }
}

private let message = HelloBuilder().message
private let host: [UInt8] = [0] + vector16(Array("www.example.org".utf8))

extension PolicyCase {
  /// The tables, by the names that docs/hello.md has for them in its markers.
  static let tables = [
    ("legal", legal), ("nameless", nameless), ("not-tls", notTLS), ("records", malformedRecords), ("message", malformedMessage),
    ("name", malformedName),
  ]

  static let all = tables.flatMap(\.1)

  static let legal: [PolicyCase] = [
    .init("a hello in one record", "RFC 8446 4.1.2", HelloBuilder()),
    .init("records of one byte each", "RFC 8446 5.1", records(message, size: 1)),
    .init("any minor record version", "RFC 8446 5.1: must be ignored", record(message[...], minor: 0xFF)),
    .init("legacy_version TLS 1.0", "RFC 8446 4.1.2") { $0.legacyVersion = 0x0301 },
    .init("legacy_version above TLS 1.2", "RFC 5246 E.1: means TLS 1.2") { $0.legacyVersion = 0x0304 },
    .init("a message of 17 000 bytes in two records", "RFC 8446 4.2, 5.1") {
      $0.extensions?.append((0x7777, Array(repeating: 1, count: 17_000)))
    },
    .init("GREASE in extensions, versions, protocols", "RFC 8701 3.1") {
      $0.extensions?.append((0xBABA, [0]))
      $0.extensions?.removeAll { $0.type == 16 }
      $0.extensions?.append((16, vector16(vector8([0x0A, 0x0A]))))
    },
    .init("unknown extensions", "RFC 8446 4.2: must be ignored") { $0.extensions?.append((0xFFFF, [1, 2, 3])) },
    .init("encrypted_client_hello: the outer name", "RFC 9849 6.1") { $0.extensions?.append((0xFE0D, Array(repeating: 9, count: 40))) },
    .init("early data behind the hello", "RFC 8446 4.2.10", HelloBuilder().bytes + [23, 3, 3, 0, 2, 1, 2]),
    .init("pre_shared_key as the last extension", "RFC 8446 4.2.11") { $0.extensions?.append((41, [1, 2])) },
    .init("acme-tls/1 as the only protocol", "RFC 8737 3", HelloBuilder(alpn: ["acme-tls/1"])),
    .init("a name of an unknown type before the host name", "RFC 6066 3", HelloBuilder.with((0, vector16([7] + vector16([1, 2]) + host)))),
    .init("upper case: folded", "RFC 6066 3", name: "WWW.Example.ORG"),
    .init("an internationalised name as A-label", "RFC 6066 3", name: "xn--bcher-kva.example"),
    .init("an underscore", "ours: services use them", name: "_smtp.example.org"),
    .init("no cipher suite, no compression method", "ours: what is offered is the server's business") {
      $0.cipherSuites = []
      $0.compressionMethods = []
    },
  ]

  static let nameless: [PolicyCase] = [
    .init("no server_name", "RFC 8446 9.2", HelloBuilder(name: nil)),
    .init("no extensions at all", "RFC 5246 7.4.1.2") { $0.extensions = nil },
    .init("only names of unknown types", "RFC 6066 3", HelloBuilder.with((0, vector16([7] + vector16([1, 2]))))),
    .init("the beginning of a hello", "RFC 8446 5.1", Array(HelloBuilder().bytes.dropLast())),
    .init("the beginning of one of the openings below", "ours", Array("GE".utf8)),
  ]

  static let notTLS: [PolicyCase] = [
    .init("plain HTTP", "ours", Array("GET / HTTP/1.1\r\n".utf8)),
    .init("HTTP/2 with prior knowledge", "RFC 9113 3.4", Array("PRI * HTTP/2.0\r\n".utf8)),
    .init("SSH", "RFC 4253 4.2", Array("SSH-2.0-x\r\n".utf8)),
    .init("a PROXY header", "ours: none is expected here", Array("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".utf8)),
    .init("a hello in the format of SSL 2.0", "RFC 8446 D.5", [0x80, 0x2E, 0x01, 0x03, 0x01, 0x00, 0x15]),
    .init("a first record of another major version", "RFC 8446 5.1", [22, 2, 0, 0, 1, 1]),
    .init("anything else", "ours", Array("EHLO a".utf8)),
  ]

  static let malformedRecords: [PolicyCase] = [
    .init("another content type first", "RFC 8446 5", record([2, 40], type: 21)),
    .init(
      "another content type in the middle", "RFC 8446 5.1: must not be interleaved",
      record(message[..<10]) + record([1], type: 20) + record(message[10...])),
    .init("a record in the middle with another major version", "RFC 8446 5.1", record(message[..<10]) + [22, 2, 0, 0, 1, 0]),
    .init("a record without content", "RFC 8446 5.1: must not be sent", record(message[..<10]) + record([]) + record(message[10...])),
    .init("a record over 2^14 bytes", "RFC 8446 5.1", [22, 3, 1, 0x40, 0x01]),
    .init("another handshake message first", "RFC 8446 4", records(handshake(2, [1, 2, 3]))),
    .init("bytes behind the hello in its record", "RFC 8446 5.1", records(message + [0])),
    .init("a message over 132 KiB (setting)", "RFC 8446 4.1.2: the grammar allows 131 400", [22, 3, 1, 0x40, 0, 1, 0x02, 0x10, 0x00]),
    .init("more than 256 KiB on the wire (setting)", "ours", records(handshake(1, Array(repeating: 3, count: 60_000)), size: 1)),
  ]

  static let malformedMessage: [PolicyCase] = [
    .init("legacy_version SSL 3.0 or older", "RFC 8446 D.5") { $0.legacyVersion = 0x0300 },
    .init("supported_versions with nothing above SSL 3.0", "RFC 8446 D.5", HelloBuilder.with((43, vector8([3, 0])))),
    .init("a message that ends in its fixed fields", "RFC 8446 4.1.2", records(handshake(1, Array(HelloBuilder().body.prefix(40))))),
    .init("a session id over 32 bytes", "RFC 8446 4.1.2") { $0.sessionID = Array(repeating: 1, count: 33) },
    .init("half a cipher suite", "RFC 8446 4.1.2") { $0.cipherSuites = [0x13] },
    .init("extensions that do not fill the rest", "RFC 8446 4.1.2", records(handshake(1, HelloBuilder().body + [0]))),
    .init("an extension longer than their space", "RFC 8446 4.2", HelloBuilder.overrun),
    .init("an extension twice, a GREASE one too", "RFC 8446 4.2", HelloBuilder.with((0x1A1A, []), (0x1A1A, []))),
    .init("pre_shared_key before another extension", "RFC 8446 4.2.11", HelloBuilder.with((41, [1]), (45, [1, 1]))),
    .init("supported_versions empty, odd, or with a wrong length", "RFC 8446 4.2.1", HelloBuilder.with((43, [3, 3, 4, 3]))),
    .init("a protocol list empty, with an empty id, or a wrong length", "RFC 7301 3.1", HelloBuilder.with((16, [0, 1, 0]))),
  ]

  static let malformedName: [PolicyCase] = [
    .init("lengths in server_name that contradict each other", "RFC 6066 3", HelloBuilder.with((0, [0, 4, 0, 0, 2, 97]))),
    .init("two names of one type", "RFC 6066 3: must not", HelloBuilder.with((0, vector16(host + host)))),
    .init("an empty name", "RFC 6066 3", HelloBuilder.naming([])),
    .init("a name over 253 bytes", "RFC 1035 2.3.4", HelloBuilder.naming(Array(repeating: 0x61, count: 254))),
    .init("NUL, space, `*`, or a byte outside ASCII", "RFC 6066 3, RFC 5890 2.3.1", HelloBuilder.naming([0x61, 0, 0x62])),
    .init("an empty label, one over 63 bytes, a hyphen at its end", "RFC 1035 2.3.4, RFC 5890 2.3.1", name: "a..example"),
    .init("a trailing dot", "RFC 6066 3: without a trailing dot", name: "www.example.org."),
    .init("an IPv4 address, also as one number or in hexadecimal", "RFC 6066 3: not permitted", name: "0x7f.1"),
    .init("an IPv6 address", "RFC 6066 3: not permitted", name: "2001:db8::1"),
  ]
}

extension HelloBuilder {
  /// The last extension says that it goes on behind the extensions.
  fileprivate static var overrun: [UInt8] {
    var hello = HelloBuilder()
    hello.extensions = nil
    return records(handshake(1, hello.body + vector16([0x33, 0, 0, 9])))
  }
}

extension HelloVerdict {
  /// The verdict as the table words it. What a hello without a name gets is decided where names are looked up.
  var asInTable: String {
    switch self {
    case .needMore: return "waits for more"
    case .hello(let facts):
      guard let name = facts.serverName else { return "alert `\(TLSAlert.missingExtension)` (\(TLSAlert.missingExtension.rawValue))" }
      return "looks `\(name)` up"
    case .refused(let refusal):
      let alert = refusal.alert.map { "alert `\($0)` (\($0.rawValue))" } ?? "closed without alert"
      return "\(alert), `\(refusal.reason.rawValue)`"
    }
  }
}
