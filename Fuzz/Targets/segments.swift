/// The input is what a client sends: cut into segments anywhere it must give the verdict of the whole, and a hello cut into other records
/// the same facts.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSegments(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // The library lends the bytes for the duration of the call, and the span does not outlive it.
  let bytes = UnsafeRawBufferPointer(start: start, count: count).bytes
  let whole = Checks.verdict(on: bytes)
  var generator = InputGenerator(bytes)
  compareSegments(of: bytes, with: whole, using: &generator)
  if case .hello(let facts) = whole { compareRecords(of: bytes, with: facts, using: &generator) }
  return 0
}

private func compareSegments(of bytes: RawSpan, with whole: HelloVerdict, using generator: inout InputGenerator) {
  // Single bytes now and then; else segments of a size that differs from input to input.
  let largest = [1, 3, 40, 700, 4000].randomElement(using: &generator) ?? 1
  var reader = ClientHelloReader()
  var end = 0
  while end < bytes.byteCount {
    end = min(bytes.byteCount, end + Int.random(in: 1...largest, using: &generator))
    let verdict = reader.read(bytes.extracting(0..<end))
    guard verdict != .needMore else { continue }
    require(verdict == whole, "a segmentation changed the verdict")
    return
  }
  require(bytes.byteCount == 0 || whole == .needMore, "the segments never came to the verdict of the whole")
}

private func compareRecords(of bytes: RawSpan, with facts: ClientHelloFacts, using generator: inout InputGenerator) {
  let message = Checks.message(in: bytes, upTo: facts.rawBytes)
  let largest = [5, 60, 500, 16_384].randomElement(using: &generator) ?? 5
  let cut = records(message, upTo: largest, using: &generator)
  // One-byte records of a large message may exceed the bound of bytes on the wire, rightly.
  guard cut.count <= HelloLimits().rawBytes else { return }
  guard case .hello(var other) = Checks.verdict(on: cut.span.bytes) else {
    return require(false, "a legal cut into records was refused")
  }
  other.rawBytes = facts.rawBytes
  other.recordCount = facts.recordCount
  require(other == facts, "a cut into records changed the facts")
}
