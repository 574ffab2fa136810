import ClientHello

/// Reading hellos: one like those of every day, and one that a hostile client could send.
func helloFigures() -> [Figure] {
  let everyday = records(of: hello(padding: 1600), size: 16_384)
  let hostile = records(of: hello(padding: 65_000), size: 1)
  let limits = HelloLimits(rawBytes: 512 * 1024)
  let many = 1000
  let each = measure { for _ in 0..<many { read(everyday) } } / Double(many)
  return [
    Figure(name: "a hello of \(everyday.count) bytes", value: each / 1000, unit: "µs"),
    Figure(name: "64 KiB in one-byte records, at once", value: measure { read(hostile, limits) } / 1e6, unit: "ms", limit: 5),
    // The same in one-byte segments: linear, too, though every byte is a call.
    Figure(name: "64 KiB in one-byte records and segments", value: measure { readInSteps(hostile, limits) } / 1e6, unit: "ms", limit: 20),
  ]
}

private func read(_ bytes: [UInt8], _ limits: HelloLimits = .init()) {
  var reader = ClientHelloReader(limits: limits)
  check(reader.read(bytes.span.bytes))
}

private func readInSteps(_ bytes: [UInt8], _ limits: HelloLimits) {
  var reader = ClientHelloReader(limits: limits)
  for end in 1..<bytes.count { precondition(reader.read(bytes.span.bytes.extracting(0..<end)) == .needMore) }
  check(reader.read(bytes.span.bytes))
}

private func check(_ verdict: HelloVerdict) {
  guard case .hello(let facts) = verdict, facts.serverName == "www.example.org" else { preconditionFailure("not read: \(verdict)") }
}

/// A ClientHello message with its name behind an unknown extension of this size.
private func hello(padding: Int) -> [UInt8] {
  let name = Array("www.example.org".utf8)
  let unknown = [0x77, 0x77] + number(padding) + Array(repeating: UInt8(1), count: padding)
  let serverName = [0, 0] + number(name.count + 5) + number(name.count + 3) + [0] + number(name.count) + name
  let fixed: [UInt8] = [3, 3] + Array(repeating: 7, count: 32) + [0, 0, 2, 0x13, 0x01, 1, 0]
  let body = fixed + number(unknown.count + serverName.count) + unknown + serverName
  return [1, UInt8(body.count >> 16)] + number(body.count & 0xFFFF) + body
}

private func records(of message: [UInt8], size: Int) -> [UInt8] {
  stride(from: 0, to: message.count, by: size).flatMap { start -> [UInt8] in
    let end = min(message.count, start + size)
    return [22, 3, 1] + number(end - start) + message[start..<end]
  }
}

private func number(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)] }
