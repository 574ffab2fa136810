import NIOCore
import NIOEmbedded
import Testing

@testable import HyperGRPC

/// The handler that answers PINGs, under whatever a peer may send, cut wherever TCP may cut it. The inputs are random but always the same.
@Suite struct PingFuzzTests {
  /// SplitMix64: the same numbers everywhere.
  struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
      return mixed ^ (mixed >> 31)
    }
  }

  /// A conversation, and what is to become of it.
  struct Conversation {
    var bytes: [UInt8] = []
    var passed: [UInt8] = []
    var pings: [UInt64] = []

    init(frames: Int, preface: Bool, _ random: inout Generator) {
      if preface { passes(Frames.preface) }
      for _ in 0..<frames {
        switch Int.random(in: 0..<8, using: &random) {
        case 0...2:
          let number = random.next()
          bytes += Frames.ping(number)
          pings.append(number)
        // An answer, an illegal length, a PING on a stream: all for the library above.
        case 3: passes(Frames.ping(random.next(), ack: true))
        case 4: passes(Frames.frame(type: 6, Self.noise(Int.random(in: 0..<20, using: &random), otherThan: 8, &random)))
        case 5: passes(Frames.frame(type: 6, stream: UInt32.random(in: 1..<100, using: &random), Self.noise(8, &random)))
        default:
          var type = UInt8.random(in: 0...255, using: &random)
          if type == 6 { type = 0 }
          let length = Bool.random(using: &random) ? Int.random(in: 0..<40, using: &random) : Int.random(in: 0..<600, using: &random)
          passes(
            Frames.frame(
              type: type, flags: UInt8.random(in: 0...255, using: &random), stream: UInt32.random(in: 0...UInt32.max, using: &random),
              Self.noise(length, &random)))
        }
      }
    }

    private mutating func passes(_ frame: [UInt8]) {
      bytes += frame
      passed += frame
    }

    static func noise(_ count: Int, otherThan wrong: Int? = nil, _ random: inout Generator) -> [UInt8] {
      (0..<(count == wrong ? count + 1 : count)).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
  }

  /// Pieces of random sizes, many of them tiny.
  static func pieces(_ bytes: [UInt8], _ random: inout Generator) -> [ArraySlice<UInt8>] {
    var (pieces, rest) = ([ArraySlice<UInt8>](), bytes[...])
    while !rest.isEmpty {
      let most = Bool.random(using: &random) ? 12 : 400
      let piece = rest.prefix(Int.random(in: 1...most, using: &random))
      pieces.append(piece)
      rest = rest.dropFirst(piece.count)
    }
    return pieces
  }

  static func sieved(_ pieces: [ArraySlice<UInt8>], preface: Bool) -> (passed: [UInt8], pings: [UInt64]) {
    var sieve = PingSieve(expectsPreface: preface)
    var (passed, pings) = ([UInt8](), [UInt64]())
    for piece in pieces {
      // A reader index that is not 0, as NIO's buffers have it.
      var buffer = ByteBuffer(bytes: [1, 2, 3] + piece)
      buffer.moveReaderIndex(forwardBy: 3)
      let output = sieve.received(buffer)
      passed += output.passed.flatMap { Array($0.readableBytesView) }
      pings += output.pings
    }
    return (passed, pings)
  }

  @Test(arguments: [false, true]) func framesOfEveryKindInPiecesOfEverySizeGiveWhatTheyShould(preface: Bool) {
    for seed in UInt64(0)..<300 {
      var random = Generator(state: seed)
      let conversation = Conversation(frames: Int.random(in: 0..<25, using: &random), preface: preface, &random)
      let output = Self.sieved(Self.pieces(conversation.bytes, &random), preface: preface)
      #expect(output.passed == conversation.passed, "seed \(seed)")
      #expect(output.pings == conversation.pings, "seed \(seed)")
    }
  }

  /// Whatever the bytes mean: none is lost, none is added, and where they are cut changes nothing.
  @Test(arguments: [false, true]) func noiseIsPassedOnByteForByteHoweverItIsCut(preface: Bool) {
    for seed in UInt64(1000)..<1300 {
      var random = Generator(state: seed)
      var bytes = Conversation.noise(Int.random(in: 0..<400, using: &random), &random)
      // Lengths that are short, so that headers of frames come into sight again and again.
      for index in stride(from: 0, to: bytes.count, by: 3) { bytes[index] = UInt8.random(in: 0...1, using: &random) * 6 }
      let whole = Self.sieved([bytes[...]], preface: preface)
      let cut = Self.sieved(Self.pieces(bytes, &random), preface: preface)
      #expect(cut.passed == whole.passed, "seed \(seed)")
      #expect(cut.pings == whole.pings, "seed \(seed)")
      let heldBack = bytes.count - whole.passed.count - 17 * whole.pings.count
      #expect((0..<17).contains(heldBack), "seed \(seed): \(heldBack) bytes")
    }
  }

  /// The handler as a whole: what it writes are the answers, and at most one GOAWAY behind them; nothing arrives above it after that.
  @Test func theHandlerAnswersUntilItEndsAFlood() throws {
    for seed in UInt64(2000)..<2060 {
      var random = Generator(state: seed)
      let conversation = Conversation(frames: 60, preface: true, &random)
      let limit = Int.random(in: 1..<40, using: &random)
      var floods = 0
      let channel = EmbeddedChannel()
      try channel.pipeline.syncOperations.addHandler(
        PingShield(
          expectsPreface: true, perSecond: limit, events: .init(flood: { floods += 1 }), now: { .uptimeNanoseconds(0) }))
      try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
      for piece in Self.pieces(conversation.bytes, &random) {
        // Writing to a channel that is closed throws, which happens after a flood.
        _ = try? channel.writeInbound(ByteBuffer(bytes: piece))
      }
      var (written, passed) = ([UInt8](), [UInt8]())
      while let buffer = try channel.readOutbound(as: ByteBuffer.self) { written += buffer.readableBytesView }
      while let buffer = try channel.readInbound(as: ByteBuffer.self) { passed += buffer.readableBytesView }
      let answers = conversation.pings.flatMap { Frames.ping($0, ack: true) }
      if conversation.pings.count <= limit {
        #expect(written == answers, "seed \(seed)")
        #expect(passed == conversation.passed, "seed \(seed)")
        #expect(floods == 0 && channel.isActive, "seed \(seed)")
      } else {
        let goAway = Frames.frame(type: 7, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0x0b] + Array("too_many_pings".utf8))
        #expect(Array(written.suffix(goAway.count)) == goAway, "seed \(seed)")
        #expect(answers.starts(with: written.dropLast(goAway.count)), "seed \(seed)")
        #expect(conversation.passed.starts(with: passed), "seed \(seed)")
        #expect(floods == 1 && !channel.isActive, "seed \(seed)")
      }
      _ = try channel.finish(acceptAlreadyClosed: true)
    }
  }
}
