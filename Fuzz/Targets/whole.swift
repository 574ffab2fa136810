/// The input is what a client sends, in one piece.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWhole(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // The library lends the bytes for the duration of the call, and the span does not outlive it.
  let bytes = UnsafeRawBufferPointer(start: start, count: count).bytes
  _ = Checks.verdict(on: bytes)
  return 0
}
