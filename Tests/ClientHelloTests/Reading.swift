import ClientHello

/// The verdict on bytes that arrive at once.
func readVerdict(on bytes: [UInt8], limits: HelloLimits = .init()) -> HelloVerdict {
  var reader = ClientHelloReader(limits: limits)
  return reader.read(bytes.span.bytes)
}

/// The verdict on bytes that arrive in pieces which end at these places; every piece but the last must leave it open,
/// unless the opening is refused before.
func readVerdict(on bytes: [UInt8], cutAt cuts: [Int], limits: HelloLimits = .init()) -> HelloVerdict {
  var reader = ClientHelloReader(limits: limits)
  for cut in cuts {
    let verdict = reader.read(bytes.span.bytes.extracting(0..<cut))
    if verdict != .needMore { return verdict }
  }
  return reader.read(bytes.span.bytes)
}

func readFacts(of bytes: [UInt8], limits: HelloLimits = .init()) -> ClientHelloFacts? {
  guard case .hello(let facts) = readVerdict(on: bytes, limits: limits) else { return nil }
  return facts
}

func readRefusal(of bytes: [UInt8], limits: HelloLimits = .init()) -> HelloRefusal.Reason? {
  guard case .refused(let refusal) = readVerdict(on: bytes, limits: limits) else { return nil }
  return refusal.reason
}

/// The bytes that hexadecimal digits stand for.
func decode(hex: some StringProtocol) -> [UInt8] {
  let digits = hex.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
  return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
