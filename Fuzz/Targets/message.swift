/// The input is the body of a ClientHello: its header and its records are made here and always right, so that mutations get past them to
/// the fields and extensions.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // The library lends the bytes for the duration of the call; they are copied before it ends.
  let body = UnsafeRawBufferPointer(start: start, count: count)
  var generator = InputGenerator(body.bytes)
  let message = [1, UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)] + body
  let largest = [30, 500, 16_384].randomElement(using: &generator) ?? 500
  let inRecords = records(message, upTo: largest, using: &generator)
  let verdict = Checks.verdict(on: inRecords.span.bytes)
  require(verdict != .needMore, "a complete message is never too short")

  // The same message in the fewest records: the same facts, or the same refusal.
  let inFewest = fewestRecords(message)
  let other = Checks.verdict(on: inFewest.span.bytes)
  switch (verdict, other) {
  case (.hello(var facts), .hello(let expected)):
    facts.rawBytes = expected.rawBytes
    facts.recordCount = expected.recordCount
    require(facts == expected, "the records changed the facts")
  default:
    require(verdict == other, "the records changed the verdict")
  }
  return 0
}

private func fewestRecords(_ message: [UInt8]) -> [UInt8] {
  stride(from: 0, to: message.count, by: 16_384).flatMap { start -> [UInt8] in
    let end = min(message.count, start + 16_384)
    return [22, 3, 1, UInt8((end - start) >> 8), UInt8((end - start) & 0xFF)] + message[start..<end]
  }
}
