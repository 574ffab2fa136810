/// Reads the ClientHello at the start of a connection, however it was cut into segments and records.
///
/// A value without buffer: the caller owns the received bytes and shows all of them at each call, the reader keeps
/// positions only. Two passes, each over a byte at most once: while bytes arrive it hops from record header to record
/// header, and when the message is complete it parses it, in place when it came in one record as nearly all do. A verdict
/// depends on the bytes alone, never on how they were cut into segments; `refused` is final.
public struct ClientHelloReader: Sendable {
  private var records: RecordScanner
  private var refusal: HelloRefusal?

  public init(limits: HelloLimits = .init()) {
    records = RecordScanner(limits: limits)
  }

  /// Says what the received bytes amount to.
  ///
  /// - Parameter received: everything received so far: at each call the same bytes as before, and new ones behind them.
  ///   Bytes behind the hello (early data) are not looked at.
  public mutating func read(_ received: RawSpan) -> HelloVerdict {
    if let refusal { return .refused(refusal) }
    do throws(HelloRefusal) {
      guard let packing = try records.scan(received) else { return .needMore }
      var parser = HelloParser(packing: packing)
      if packing.recordCount == 1 { return .hello(try parser.parse(received.extracting(packing.onlyFragment))) }
      return .hello(try parser.parse(packing.message(in: received).span.bytes))
    } catch {
      refusal = error
      return .refused(error)
    }
  }
}
