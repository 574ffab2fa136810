/// A TCP address to dial or to tell others.
public struct HostPort: Hashable, Sendable {
  /// A name or an address literal, without brackets.
  public var host: String
  /// 1…65535; 0 is possible only where something is bound.
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }
}

extension HostPort: CustomStringConvertible {
  /// `host:port`, an IPv6 literal in brackets.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension HostPort {
  /// Reads `host:port` or `[v6]:port`.
  ///
  /// - Throws: `TextMismatch` for anything else, a port outside the range included.
  init(parsing text: String, ports: ClosedRange<Int> = 1...65535) throws(TextMismatch) {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { throw TextMismatch("host:port") }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard host.contains(":") else { throw TextMismatch("an IPv6 address between the brackets") }
    } else if host.contains(":") {
      throw TextMismatch("host:port", hint: "an IPv6 address stands in brackets, like [::1]:4433")
    }
    guard !host.isEmpty, host.utf8.allSatisfy(isHostByte) else { throw TextMismatch("host:port with a host name or address") }
    self.init(host: String(host), port: try HostPort.port(text[text.index(after: colon)...], in: ports))
  }

  static func port(_ text: Substring, in ports: ClosedRange<Int>) throws(TextMismatch) -> Int {
    guard !text.isEmpty, text.utf8.count <= 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(text),
      ports.contains(port)
    else { throw TextMismatch("a port from \(ports.lowerBound) to \(ports.upperBound)") }
    return port
  }
}

private func isHostByte(_ byte: UInt8) -> Bool {
  switch byte {
  // Letters, digits, and what address literals and scopes use.
  case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
  case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"): true
  default: false
  }
}

/// Why a text is not what a key needs: what was expected, and perhaps how to put it right.
struct TextMismatch: Error {
  var expected: String
  var hint: String?

  init(_ expected: String, hint: String? = nil) {
    self.expected = expected
    self.hint = hint
  }
}
