import ClientHello
import Testing

/// The bounds, and that nothing costs more than its length.
@Suite struct SizeTests {
  /// A hello of about this many message bytes, the name behind the padding.
  private func hello(padding: Int) -> HelloBuilder {
    var builder = HelloBuilder(name: nil)
    builder.extensions?.append((0x7777, Array(repeating: 0xAB, count: padding)))
    builder.extensions?.append((0, HelloBuilder.serverName(Array("far.example.org".utf8))))
    return builder
  }

  /// The largest message the grammar allows (RFC 8446 4.1.2): every vector full.
  private var largest: HelloBuilder {
    var builder = HelloBuilder(name: nil)
    builder.cipherSuites = Array(repeating: 0x13, count: 65_534)
    builder.compressionMethods = Array(repeating: 0, count: 255)
    let name = HelloBuilder.serverName(Array("far.example.org".utf8))
    builder.extensions = [(0x7777, Array(repeating: 1, count: 65_535 - 8 - name.count)), (0, name)]
    return builder
  }

  @Test(arguments: [1700, 16_000, 16_384, 17_000, 65_000])
  func largeHellosInSeveralRecordsAreRead(_ padding: Int) throws {
    let message = hello(padding: padding).message
    let facts = try #require(readFacts(of: records(message)))
    #expect(facts.serverName == "far.example.org")
    #expect(facts.messageBytes == message.count)
    #expect(facts.recordCount == (message.count + 16_383) / 16_384)
  }

  @Test func theLargestLegalHelloFitsTheDefaultBounds() throws {
    let message = largest.message
    #expect(message.count == 131_400)
    #expect(readFacts(of: records(message))?.serverName == "far.example.org")
    #expect(readFacts(of: records(message, size: 12))?.serverName == "far.example.org")
  }

  @Test func aMessageOverItsBoundIsRefusedAsSoonAsItSaysSo() {
    let bytes: [UInt8] = [22, 3, 1, 0x40, 0, 1, 0x02, 0x10, 0x00]
    #expect(readRefusal(of: bytes) == .messageTooLong)
    #expect(readVerdict(on: Array(bytes.dropLast())) == .needMore)
    let message = HelloBuilder().message
    #expect(readRefusal(of: records(message), limits: HelloLimits(messageBytes: message.count - 1)) == .messageTooLong)
    #expect(readFacts(of: records(message), limits: HelloLimits(messageBytes: message.count)) != nil)
  }

  @Test func aHelloThatTakesTooManyBytesOnTheWireIsRefused() {
    let message = HelloBuilder().message
    let bytes = records(message, size: 1)
    #expect(bytes.count == message.count * 6)
    #expect(readFacts(of: bytes, limits: HelloLimits(rawBytes: bytes.count)) != nil)
    #expect(readRefusal(of: bytes, limits: HelloLimits(rawBytes: bytes.count - 1)) == .tooManyBytes)
    #expect(readRefusal(of: records(message), limits: HelloLimits(rawBytes: message.count + 4)) == .tooManyBytes)
  }

  /// A quadratic reader needs minutes for this one, a linear one milliseconds, even unoptimised.
  @Test(.timeLimit(.minutes(1)))
  func sixtyFourKiBInOneByteRecordsAreReadInOneGoAndInSteps() throws {
    let bytes = records(hello(padding: 65_000).message, size: 1)
    let limits = HelloLimits(rawBytes: 512 * 1024)
    let whole = try #require(readFacts(of: bytes, limits: limits))
    #expect(whole.serverName == "far.example.org")
    #expect(whole.recordCount == whole.messageBytes)
    #expect(readVerdict(on: bytes, cutAt: Array(bytes.indices), limits: limits) == .hello(whole))
  }

  @Test(.timeLimit(.minutes(1)))
  func thousandsOfExtensionsAreCheckedForDuplicates() {
    var builder = HelloBuilder(name: nil)
    let differing = (0..<16_000).map { (type: UInt16($0 + 1000), data: [UInt8]()) }
    builder.extensions = differing
    #expect(readFacts(of: builder.bytes) != nil)
    // Around the sixteen that are kept in a list, and far behind them.
    for (first, second) in [(0, 15_999), (0, 15), (0, 16), (15, 16), (16, 17), (200, 15_000)] {
      builder.extensions = differing
      builder.extensions?[second].type = differing[first].type
      #expect(readRefusal(of: builder.bytes) == .duplicateExtension, "\(first) and \(second)")
    }
    builder.extensions = [(type: 5, data: [])] + differing + [(type: 5, data: [])]
    #expect(readRefusal(of: builder.bytes) == .duplicateExtension, "a common type, first and last")
  }
}
