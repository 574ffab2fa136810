import ClientHello
import Testing

/// Names that were read before change no verdict.
@Suite struct RecentNamesTests {
  /// Pairs that differ in one byte, by length, in case, and those that are refused, some of them twice or right behind one that is not.
  private static let names: [String] =
    (0..<600).map { "host-\($0).example.org" } + (1...40).map { String(repeating: "a", count: $0) + ".example" }
    + (1...40).map { String(repeating: "a", count: $0) + ".exampl" }
    + [
      "www.example.org", "WWW.example.org", "www.example.org", "www.examplf.org", "xww.example.org", "", "", ".", "a.", "192.0.2.1", "a",
      "b", "A", "",
    ]

  private func whole(_ bytes: [UInt8], _ names: inout RecentNames) -> HelloVerdict? {
    let span = bytes.span.bytes
    guard let count = ClientHelloReader.oneRecord(in: span, limits: HelloLimits()) else { return nil }
    do throws(HelloRefusal) {
      return .hello(try ClientHelloReader.read(record: span.extracting(..<count), names: &names))
    } catch {
      return .refused(error)
    }
  }

  @Test func whatWasReadBeforeChangesNoVerdict() {
    var names = RecentNames()
    for round in 0..<3 {
      for name in Self.names {
        let bytes = HelloBuilder.naming(Array(name.utf8)).bytes
        let alone = readVerdict(on: bytes)
        var reader = ClientHelloReader()
        #expect(reader.read(bytes.span.bytes, names: &names) == alone, "'\(name)' in round \(round)")
        #expect(whole(bytes, &names) == alone, "'\(name)' in round \(round)")
      }
    }
  }

  @Test func aHelloInPiecesOrRecordsIsNoWholeOne() {
    var names = RecentNames()
    let hello = HelloBuilder()
    for count in 0..<hello.bytes.count {
      #expect(whole(Array(hello.bytes[..<count]), &names) == nil)
    }
    let split = record(hello.message[..<20]) + record(hello.message[20...])
    #expect(readFacts(of: split)?.serverName == "www.example.org")
    #expect(whole(split, &names) == nil)
    // What comes behind it is the client's next word.
    let more = hello.bytes + [1, 2, 3]
    #expect(whole(more, &names) == readVerdict(on: hello.bytes))
  }
}
