import ClientHello
import Testing

/// Everything the RFCs allow is read, and read the same however it was cut.
@Suite struct LegalHelloTests {
  @Test func thereAreRecordingsOfManyClients() throws {
    #expect(try RecordedHello.load().count >= 30)
  }

  @Test(arguments: RecordedHello.all)
  func aRecordedHelloIsRead(_ hello: RecordedHello) {
    #expect(readVerdict(on: hello.bytes) == .hello(hello.facts))
  }

  @Test(arguments: RecordedHello.all)
  func everyPrefixNeedsMore(_ hello: RecordedHello) {
    let bytes = hello.bytes
    let tooShort = (0..<hello.rawBytes).first { readVerdict(on: Array(bytes[..<$0])) != .needMore }
    #expect(tooShort == nil, "a prefix of that many bytes was enough")
    let long = (hello.rawBytes...bytes.count).first { readVerdict(on: Array(bytes[..<$0])) != .hello(hello.facts) }
    #expect(long == nil, "with that many bytes it was another")
  }

  @Test(arguments: RecordedHello.all)
  func everySplitIntoTwoSegmentsGivesTheSame(_ hello: RecordedHello) {
    let bytes = hello.bytes
    let facts = hello.facts
    let wrong = bytes.indices.first { readVerdict(on: bytes, cutAt: [$0]) != .hello(facts) }
    #expect(wrong == nil, "cut there it was another")
  }

  @Test(arguments: RecordedHello.all)
  func singleBytesGiveTheSame(_ hello: RecordedHello) {
    let bytes = hello.bytes
    #expect(readVerdict(on: bytes, cutAt: Array(bytes.indices)) == .hello(hello.facts))
  }

  @Test(arguments: RecordedHello.all)
  func everyCutIntoTwoRecordsGivesTheSame(_ hello: RecordedHello) {
    let message = hello.message
    var expected = hello.facts
    expected.recordCount = 2
    expected.rawBytes = message.count + 10
    let wrong = (1..<message.count).first { cut in
      readVerdict(on: record(message[..<cut], minor: 1) + record(message[cut...], minor: 3)) != .hello(expected)
    }
    #expect(wrong == nil, "cut there it was another")
  }

  @Test(arguments: RecordedHello.all, [1, 3, 40, 700])
  func randomRecordsAndSegmentsGiveTheSame(_ hello: RecordedHello, largest: Int) {
    var generator = SeededGenerator(seed: UInt64(largest))
    let message = hello.message
    for _ in 0..<10 {
      let cut = records(message, upTo: largest, using: &generator)
      let segments = (0..<8).map { _ in Int.random(in: 0...cut.count, using: &generator) }.sorted()
      guard case .hello(var facts) = readVerdict(on: cut, cutAt: segments) else {
        Issue.record("not read: \(cut)")
        continue
      }
      #expect(facts.rawBytes == cut.count)
      #expect(facts.rawBytes == facts.messageBytes + 5 * facts.recordCount)
      facts.rawBytes = hello.rawBytes
      facts.recordCount = hello.records
      #expect(facts == hello.facts)
    }
  }

  @Test func whatFollowsTheHelloIsNotLookedAt() {
    let hello = HelloBuilder().bytes
    let earlyData: [UInt8] = [23, 3, 3, 0, 3, 1, 2, 3]
    #expect(readVerdict(on: hello + earlyData) == readVerdict(on: hello))
    #expect(readVerdict(on: hello + Array("anything".utf8)) == readVerdict(on: hello))
    #expect(readFacts(of: hello + earlyData)?.rawBytes == hello.count)
  }

  @Test func aVerdictIsRepeatedWhenAskedAgain() {
    let hello = HelloBuilder().bytes
    var reader = ClientHelloReader()
    let first = reader.read(hello.span.bytes)
    #expect(reader.read((hello + [1]).span.bytes) == first)
    var refusing = ClientHelloReader()
    #expect(refusing.read([0x47, 0x00].span.bytes) == .refused(HelloRefusal(.notTLS)))
    #expect(refusing.read(hello.span.bytes) == .refused(HelloRefusal(.notTLS)))
  }

  @Test(arguments: UInt8.min...5)
  func anyMinorRecordVersionIsRead(_ minor: UInt8) {
    #expect(readFacts(of: record(HelloBuilder().message[...], minor: minor))?.serverName == "www.example.org")
  }

  @Test(arguments: [0x0301, 0x0302, 0x0303, 0x0304, 0x0400] as [UInt16])
  func legacyVersionsFromTLS10AreReadAndMeanAtMostTLS12(_ version: UInt16) throws {
    var builder = HelloBuilder()
    builder.legacyVersion = version
    builder.extensions?.removeAll { $0.type == 43 }
    let facts = try #require(readFacts(of: builder.bytes))
    #expect(facts.serverName == "www.example.org")
    #expect(facts.highestVersion == min(TLSVersion(rawValue: version), .tls12))
  }

  @Test func draftsAndGREASEDoNotCountAsVersions() {
    var builder = HelloBuilder()
    builder.extensions = [(43, vector8([0xFA, 0xFA, 0x7F, 0x1C]))]
    #expect(readFacts(of: builder.bytes)?.highestVersion == .tls12)
  }

  @Test func aHelloWithoutExtensionsIsWellFormedAndHasNoName() {
    var builder = HelloBuilder()
    builder.extensions = nil
    #expect(readFacts(of: builder.bytes).map(\.serverName) == .some(nil))
    builder.extensions = []
    #expect(readFacts(of: builder.bytes).map(\.serverName) == .some(nil))
    #expect(readFacts(of: HelloBuilder(name: nil).bytes).map(\.serverName) == .some(nil))
  }

  @Test func whatCiphersAndCompressionAreOfferedIsLeftToTheServer() {
    var builder = HelloBuilder()
    builder.cipherSuites = []
    builder.compressionMethods = []
    #expect(readFacts(of: builder.bytes)?.serverName == "www.example.org")
  }

  @Test func unknownNameTypesAreSkipped() {
    let host: [UInt8] = [0] + vector16(Array("a.example".utf8))
    let unknown: [UInt8] = [7] + vector16([0, 1, 2, 0xFF])
    #expect(readFacts(of: HelloBuilder.with((0, vector16(unknown + host))).bytes)?.serverName == "a.example")
    #expect(readFacts(of: HelloBuilder.with((0, vector16(host + unknown))).bytes)?.serverName == "a.example")
    #expect(readFacts(of: HelloBuilder.with((0, vector16(unknown))).bytes).map(\.serverName) == .some(nil))
  }

  @Test func unknownExtensionsAreSkippedAndECHIsReported() throws {
    let hello = HelloBuilder.with(
      (0x0A0A, []), (0xFE0D, Array(repeating: 9, count: 200)), (0xFFFF, [1, 2, 3]), (0, HelloBuilder.serverName(Array("x.example".utf8))),
      (0xBABA, [0]))
    let facts = try #require(readFacts(of: hello.bytes))
    #expect(facts.echPresent)
    #expect(facts.serverName == "x.example")
  }

  @Test func preSharedKeyIsReadWhenItIsTheLast() {
    var builder = HelloBuilder()
    builder.extensions?.append((41, Array(repeating: 1, count: 300)))
    #expect(readFacts(of: builder.bytes)?.serverName == "www.example.org")
  }

  @Test func protocolsAreReportedByteForByteInOrder() {
    let hello = HelloBuilder.with((16, vector16(vector8([0x0A, 0x0A]) + vector8(Array("acme-tls/1".utf8)) + vector8([0xFF, 0]))))
    #expect(readFacts(of: hello.bytes)?.alpn == [[0x0A, 0x0A], Array("acme-tls/1".utf8), [0xFF, 0]])
  }

  @Test func onlyTheFirstProtocolsOfAHostileListAreKept() {
    let hello = HelloBuilder.with((16, vector16((0..<30_000).flatMap { _ in vector8([0x61]) })))
    #expect(readFacts(of: hello.bytes)?.alpn.count == ClientHelloFacts.maximumProtocols)
  }

  @Test(arguments: [
    "a", "localhost", "WWW.Example.ORG", "_acme._tcp.example.org", "a_b.example", "xn--bcher-kva.example", "1.2.3.4.example",
    "0x.example", "10.in-addr.arpa", "a--b.example", "example.0xyz",
  ])
  func namesAreAcceptedAndLowerCased(_ name: String) {
    #expect(readFacts(of: HelloBuilder(name: name).bytes)?.serverName == name.lowercased())
  }

  @Test func theLongestNameIsAccepted() {
    let label = String(repeating: "a", count: 63)
    let name = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
    #expect(name.utf8.count == 253)
    #expect(readFacts(of: HelloBuilder(name: name).bytes)?.serverName == name)
  }
}
