/// Hellos and payloads.
enum Hello {
  /// A well-formed TLS 1.3 ClientHello in one record.
  static func bytes(for name: String?) -> [UInt8] {
    var extensions: [UInt8] = [0, 43, 0, 3, 2, 3, 4]
    if let name {
      let host = Array(name.utf8)
      extensions += [0, 0] + word(host.count + 5) + word(host.count + 3) + [0] + word(host.count) + host
    }
    var body: [UInt8] = [3, 3] + [UInt8](repeating: 7, count: 32) + [0] + [0, 2, 0x13, 1] + [1, 0]
    body += word(extensions.count) + extensions
    let message: [UInt8] = [1, 0] + word(body.count) + body
    return [22, 3, 1] + word(message.count) + message
  }

  private static func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }
}

/// Bytes that say by themselves whether one is missing, doubled or in the wrong place.
struct Pattern {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next(_ count: Int) -> [UInt8] {
    precondition(count % 8 == 0)
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      for offset in stride(from: 0, to: count, by: 8) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        raw.storeBytes(of: state ^ state >> 29, toByteOffset: offset, as: UInt64.self)
      }
      initialized = count
    }
  }

  static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var pattern = Pattern(seed)
    return pattern.next(count)
  }
}
