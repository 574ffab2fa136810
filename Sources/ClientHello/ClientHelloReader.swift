/// Reads the ClientHello at the start of a connection, however it was cut into segments and records.
///
/// A value without buffer: the caller owns the received bytes and shows all of them at each call, the reader keeps
/// positions only. A hello in one record that is all there, as nearly all are, is parsed where it lies. The others take two
/// passes, each over a byte at most once: while bytes arrive it hops from record header to record header, and when the
/// message is complete it is put together and parsed. A verdict depends on the bytes alone, never on how they were cut into
/// segments; `refused` is final.
public struct ClientHelloReader: Sendable {
  private var records: RecordScanner
  private var refusal: HelloRefusal?

  public init(limits: HelloLimits = .init()) {
    records = RecordScanner(limits: limits)
  }

  /// The length of the record at the start, header included, if a whole hello is in it and there, as nearly all are. Otherwise it takes a
  /// reader.
  public static func oneRecord(in received: RawSpan, limits: HelloLimits) -> Int? {
    RecordScanner.oneRecord(in: received, limits: limits)
  }

  /// Reads a hello that is all there.
  ///
  /// - Parameter record: as ``oneRecord(in:limits:)`` found it.
  /// - Throws: what is wrong with it; no further bytes can make it acceptable.
  public static func read(record: RawSpan, names: inout RecentNames) throws(HelloRefusal) -> ClientHelloFacts {
    let message = record.extracting(RecordScanner.recordHeaderBytes...)
    let said = try HelloParser.parse(message, names: &names)
    return ClientHelloFacts(said, .init(messageBytes: message.byteCount, rawBytes: record.byteCount, recordCount: 1))
  }

  /// Says what the received bytes amount to.
  ///
  /// - Parameter received: everything received so far: at each call the same bytes as before, and new ones behind them.
  ///   Bytes behind the hello (early data) are not looked at.
  public mutating func read(_ received: RawSpan) -> HelloVerdict {
    var names = RecentNames()
    return read(received, names: &names)
  }

  /// The same, with the names that were read before.
  public mutating func read(_ received: RawSpan, names: inout RecentNames) -> HelloVerdict {
    if let refusal { return .refused(refusal) }
    do throws(HelloRefusal) {
      if let count = Self.oneRecord(in: received, limits: records.limits) {
        return .hello(try Self.read(record: received.extracting(..<count), names: &names))
      }
      guard let packing = try records.scan(received) else { return .needMore }
      return .hello(ClientHelloFacts(try HelloParser.parse(packing.message(in: received).span.bytes, names: &names), packing))
    } catch {
      refusal = error
      return .refused(error)
    }
  }
}

extension ClientHelloFacts {
  @inline(__always)
  fileprivate init(_ said: HelloExtensions, _ packing: RecordScanner.Packing) {
    self.init(
      serverName: said.serverName, alpn: said.protocols, echPresent: said.hasECH, highestVersion: said.highestVersion,
      messageBytes: packing.messageBytes, rawBytes: packing.rawBytes, recordCount: packing.recordCount, segmentCount: 1)
  }
}
