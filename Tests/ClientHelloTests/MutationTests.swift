import ClientHello
import Testing

/// Whatever arrives: no crash, the same answer for every segmentation, and never a name that was not in the bytes.
@Suite struct MutationTests {
  /// The bytes without the record headers, for looking a name up in them.
  private func message(in bytes: [UInt8]) -> [UInt8] {
    var message: [UInt8] = []
    var start = 0
    while start + 5 <= bytes.count {
      let end = min(bytes.count, start + 5 + (Int(bytes[start + 3]) << 8 | Int(bytes[start + 4])))
      message += bytes[start + 5..<end]
      start = end
    }
    return message
  }

  private func contains(_ bytes: [UInt8], _ name: String) -> Bool {
    let lowered = bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    let wanted = Array(name.utf8)
    guard lowered.count >= wanted.count else { return false }
    return (0...lowered.count - wanted.count).contains { lowered[$0..<$0 + wanted.count].elementsEqual(wanted) }
  }

  private func mutate(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
    guard let place = bytes.indices.randomElement(using: &generator) else { return }
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
    case 1: bytes[place] = bytes[place] &+ (Bool.random(using: &generator) ? 1 : 255)
    case 2: bytes.remove(at: place)
    case 3: bytes.insert(UInt8.random(in: .min ... .max, using: &generator), at: place)
    default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    }
  }

  @Test(arguments: RecordedHello.all)
  func mutatedHellosNeverGiveANameThatIsNotThere(_ hello: RecordedHello) {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<200 {
      var bytes = records(hello.message, upTo: 200, using: &generator)
      for _ in 0..<Int.random(in: 1...4, using: &generator) { mutate(&bytes, using: &generator) }
      let answer = readVerdict(on: bytes)
      let cuts = (0..<5).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
      #expect(readVerdict(on: bytes, cutAt: cuts) == answer, "\(bytes)")
      if case .hello(let facts) = answer, let name = facts.serverName {
        #expect(contains(message(in: bytes), name), "\(bytes)")
      }
    }
  }

  @Test func mutationsBehindTheRecordLayerReachTheParser() {
    var generator = SeededGenerator(seed: 5)
    for hello in RecordedHello.all {
      for _ in 0..<200 {
        var body = Array(hello.message.dropFirst(4))
        for _ in 0..<Int.random(in: 1...3, using: &generator) { mutate(&body, using: &generator) }
        let message = handshake(1, body)
        if let name = readFacts(of: records(message, size: 33))?.serverName {
          #expect(contains(message, name), "\(message)")
        }
      }
    }
  }

  @Test func randomBytesBehindATLSHeaderNeverCrash() {
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<2000 {
      let count = Int.random(in: 0...120, using: &generator)
      let random = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      _ = readVerdict(on: random)
      _ = readVerdict(on: [22, 3, 1] + random)
      _ = readVerdict(on: records(handshake(1, [3, 3] + random)))
    }
  }
}
