import ClientHello
import Testing

/// The reader looks at several bytes of a name at once: what one byte means must not depend on where it stands among them.
@Suite struct NameByteTests {
  /// The ends of what is allowed and their neighbours, and letters with the top bit set.
  private static let bytes: [UInt8] =
    Array("-./09:@AMZ[_`amz{".utf8) + [0x00, 0x1F, 0x7F, 0x80, 0xC1, 0xDA, 0xE1, 0xFA, 0xFF]

  @Test(arguments: 1...20)
  func aByteMeansTheSameAtEveryPlaceOfAName(length: Int) {
    for place in 0..<length {
      for byte in Self.bytes {
        var name = Array(repeating: UInt8(ascii: "m"), count: length)
        name[place] = byte
        let expected = expectation(for: byte, at: place, of: name)
        #expect(outcome(of: name) == expected, "\(byte) at \(place) of \(length)")
      }
    }
  }

  /// What is known for certain, in the order in which the reader has to notice it.
  private func expectation(for byte: UInt8, at place: Int, of name: [UInt8]) -> Outcome {
    let isLast = place == name.count - 1
    switch byte {
    case UInt8(ascii: "."): return isLast ? .refused(.trailingDot) : place == 0 ? .refused(.badLabel) : .named(name)
    case UInt8(ascii: "-"): return isLast || place == 0 ? .refused(.badLabel) : .named(name)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return name.count == 1 ? .refused(.addressLiteral) : .named(name)
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"): return .named(name)
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): return .named(name.map { $0 == byte ? byte + 32 : $0 })
    default: return .refused(.badNameByte)
    }
  }

  private func outcome(of name: [UInt8]) -> Outcome? {
    switch readVerdict(on: HelloBuilder.naming(name).bytes) {
    case .needMore: nil
    case .hello(let facts): facts.serverName.map { .named(Array($0.utf8)) }
    case .refused(let refusal): .refused(refusal.reason)
    }
  }

  private enum Outcome: Equatable {
    case named([UInt8])
    case refused(HelloRefusal.Reason)
  }

  @Test(arguments: [["h2", "http/1.1"], ["http/1.1"], ["h2"], ["acme-tls/1"]])
  func aListOfProtocolsThatDiffersInOneByteIsAnother(ids: [String]) {
    for index in ids.indices {
      let id = Array(ids[index].utf8)
      for place in id.indices {
        var list = ids.map { Array($0.utf8) }
        list[index][place] ^= 0x01
        let hello = HelloBuilder.with((16, vector16(list.flatMap(vector8))))
        #expect(readFacts(of: hello.bytes)?.alpn == list)
      }
    }
  }
}
