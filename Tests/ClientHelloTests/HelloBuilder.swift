/// Builds ClientHello messages field by field, legal ones by default, so that each test can break one thing.
struct HelloBuilder {
  var legacyVersion: UInt16 = 0x0303
  var sessionID: [UInt8] = Array(repeating: 0x5A, count: 32)
  var cipherSuites: [UInt8] = [0x13, 0x01, 0x13, 0x02]
  var compressionMethods: [UInt8] = [0]
  /// Nil leaves the extension block out altogether.
  var extensions: [(type: UInt16, data: [UInt8])]?

  init(name: String? = "www.example.org", alpn: [String] = ["h2", "http/1.1"]) {
    var list: [(type: UInt16, data: [UInt8])] = [(0x1A1A, [])]
    if let name { list.append((0, Self.serverName(Array(name.utf8)))) }
    if !alpn.isEmpty { list.append((16, vector16(alpn.flatMap { vector8(Array($0.utf8)) }))) }
    list.append((43, vector8([0x6A, 0x6A, 0x03, 0x04, 0x03, 0x03])))
    extensions = list
  }

  /// A `server_name` extension with one host name.
  static func serverName(_ name: [UInt8]) -> [UInt8] { vector16([0] + vector16(name)) }

  /// A hello for exactly these bytes as host name.
  static func naming(_ name: [UInt8]) -> HelloBuilder {
    var builder = HelloBuilder(name: nil)
    builder.extensions?.append((0, serverName(name)))
    return builder
  }

  /// A hello whose only extensions are these.
  static func with(_ extensions: (type: UInt16, data: [UInt8])...) -> HelloBuilder {
    var builder = HelloBuilder(name: nil)
    builder.extensions = extensions
    return builder
  }

  var body: [UInt8] {
    var bytes = number16(Int(legacyVersion)) + Array(repeating: 0x77, count: 32)
    bytes += vector8(sessionID) + vector16(cipherSuites) + vector8(compressionMethods)
    if let extensions {
      bytes += vector16(extensions.flatMap { number16(Int($0.type)) + vector16($0.data) })
    }
    return bytes
  }

  var message: [UInt8] { handshake(1, body) }

  /// The message in as few records as it takes.
  var bytes: [UInt8] { records(message) }
}

func handshake(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
  [type, UInt8(body.count >> 16 & 0xFF)] + number16(body.count & 0xFFFF) + body
}

func number16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)] }
func vector8(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }
func vector16(_ bytes: [UInt8]) -> [UInt8] { number16(bytes.count) + bytes }

func record(_ fragment: ArraySlice<UInt8>, type: UInt8 = 22, minor: UInt8 = 1) -> [UInt8] {
  [type, 3, minor] + number16(fragment.count) + fragment
}

/// Cuts a message into records of at most this size.
func records(_ message: [UInt8], size: Int = 1 << 14) -> [UInt8] {
  stride(from: 0, to: message.count, by: size).flatMap { record(message[$0..<min($0 + size, message.count)]) }
}

/// Cuts a message into records at random places.
func records(_ message: [UInt8], upTo size: Int, using generator: inout SeededGenerator) -> [UInt8] {
  var bytes: [UInt8] = []
  var start = 0
  while start < message.count {
    let end = min(message.count, start + Int.random(in: 1...size, using: &generator))
    bytes += record(message[start..<end], minor: UInt8.random(in: 0...4, using: &generator))
    start = end
  }
  return bytes
}

/// SplitMix64: the same seed gives the same tests.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
