import Glibc

/// Stops the fuzzer with the reason; `precondition` would not say it in an optimised program.
func require(_ condition: Bool, _ reason: StaticString) {
  if condition { return }
  var line = Array("check failed: \(reason)\n".utf8)
  write(2, &line, line.count)
  abort()
}

/// What must hold for every verdict on every input. A check that fails ends the program, which is what libFuzzer looks for.
///
/// The targets are compiled together with the sources of `ClientHello` into one module, so that nothing has to be built first.
enum Checks {
  /// Reads the bytes in one piece and holds the verdict against the bytes.
  static func verdict(on bytes: RawSpan) -> HelloVerdict {
    var reader = ClientHelloReader()
    let verdict = reader.read(bytes)
    require(reader.read(bytes) == verdict, "the second reading of the same bytes differs")
    if case .hello(let facts) = verdict { check(facts, of: bytes) }
    if case .refused(let refusal) = verdict {
      require(refusal.alert == nil || bytes.byteCount >= 2, "an alert before anything looked like TLS")
    }
    return verdict
  }

  private static func check(_ facts: ClientHelloFacts, of bytes: RawSpan) {
    require(facts.rawBytes <= bytes.byteCount, "more bytes than there are")
    require(facts.recordCount >= 1, "no record")
    require(facts.rawBytes == facts.messageBytes + 5 * facts.recordCount, "bytes are missing or counted twice")
    require(facts.alpn.count <= ClientHelloFacts.maximumProtocols, "too many protocols kept")
    require(facts.highestVersion >= .tls10, "a version that no route may see")

    // One byte less is not a hello yet, and what follows changes nothing.
    require(read(bytes, upTo: facts.rawBytes - 1) == .needMore, "complete before its last byte")
    require(read(bytes, upTo: facts.rawBytes) == .hello(facts), "what follows the hello changed it")

    let message = message(in: bytes, upTo: facts.rawBytes)
    require(message.count == facts.messageBytes, "the message has another length")
    for id in facts.alpn {
      require((1...255).contains(id.count), "a protocol id of an impossible length")
      require(contains(message, id, fold: false), "a protocol that is not in the bytes")
    }
    guard let name = facts.serverName else { return }
    let wanted = Array(name.utf8)
    require((1...253).contains(wanted.count), "a name of an impossible length")
    require(wanted.allSatisfy(isNameByte), "a name that no route may see")
    require(wanted.first != UInt8(ascii: ".") && wanted.last != UInt8(ascii: "."), "a dot at an end of the name")
    require(contains(message, wanted, fold: true), "a name that is not in the bytes")
  }

  static func read(_ bytes: RawSpan, upTo end: Int) -> HelloVerdict {
    var reader = ClientHelloReader()
    return reader.read(bytes.extracting(0..<end))
  }

  /// The handshake message without the record headers.
  static func message(in bytes: RawSpan, upTo end: Int) -> [UInt8] {
    var message: [UInt8] = []
    message.reserveCapacity(end)
    var start = 0
    while start < end {
      let fragmentEnd = start + 5 + (Int(byte(bytes, start + 3)) << 8 | Int(byte(bytes, start + 4)))
      for offset in start + 5..<fragmentEnd { message.append(byte(bytes, offset)) }
      start = fragmentEnd
    }
    return message
  }

  private static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 { bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  /// Lower-case letters, digits, hyphen, underscore, dot: written out here and not taken from the reader.
  private static func isNameByte(_ byte: UInt8) -> Bool { "abcdefghijklmnopqrstuvwxyz0123456789-_.".utf8.contains(byte) }

  private static func contains(_ bytes: [UInt8], _ wanted: [UInt8], fold: Bool) -> Bool {
    guard bytes.count >= wanted.count else { return false }
    return (0...bytes.count - wanted.count).contains { start in
      wanted.indices.allSatisfy { index in
        let byte = bytes[start + index]
        return byte == wanted[index] || (fold && (0x41...0x5A).contains(byte) && byte | 0x20 == wanted[index])
      }
    }
  }
}

/// SplitMix64, seeded by the input itself: an input alone reproduces everything, and all targets can share their inputs.
struct InputGenerator: RandomNumberGenerator {
  private var state: UInt64 = 0xCBF2_9CE4_8422_2325

  init(_ bytes: RawSpan) {
    for offset in 0..<bytes.byteCount {
      state = (state ^ UInt64(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))) &* 0x100_0000_01B3
    }
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// Cuts a message into TLS records of 1 to `largest` bytes.
func records(_ message: [UInt8], upTo largest: Int, using generator: inout InputGenerator) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(message.count * 6)
  var start = 0
  while start < message.count {
    let end = min(message.count, start + Int.random(in: 1...largest, using: &generator))
    bytes += [22, 3, UInt8.random(in: 0...4, using: &generator), UInt8((end - start) >> 8), UInt8((end - start) & 0xFF)]
    bytes += message[start..<end]
    start = end
  }
  return bytes
}
