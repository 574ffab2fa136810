import NIOCore
import NIOEmbedded
import Testing

@testable import HyperGRPC

/// Frames of RFC 9113, 4.1, as bytes.
enum Frames {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func frame(type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    let length = payload.count
    var bytes: [UInt8] = [UInt8(length >> 16 & 0xff), UInt8(length >> 8 & 0xff), UInt8(length & 0xff), type, flags]
    bytes += withUnsafeBytes(of: stream.bigEndian) { Array($0) }
    return bytes + payload
  }

  static func ping(_ number: UInt64, ack: Bool = false) -> [UInt8] {
    frame(type: 6, flags: ack ? 1 : 0, withUnsafeBytes(of: number.bigEndian) { Array($0) })
  }

  static let settings = frame(type: 4, [0, 3, 0, 0, 0, 100])
  static let settingsAck = frame(type: 4, flags: 1)
  static let data = frame(type: 0, stream: 1, Array(0..<40))
  static let goAway = frame(type: 7, [0, 0, 0, 1, 0, 0, 0, 0])
}

@Suite struct PingSieveTests {
  static let conversation: [UInt8] =
    Frames.settings + Frames.ping(1) + Frames.settingsAck + Frames.ping(2) + Frames.ping(3) + Frames.data + Frames.ping(4, ack: true)
    + Frames.data + Frames.ping(5)
  static let withoutPings: [UInt8] =
    Frames.settings + Frames.settingsAck + Frames.data + Frames.ping(4, ack: true) + Frames.data

  private func run(_ pieces: [ArraySlice<UInt8>], preface: Bool) -> (passed: [UInt8], pings: [UInt64]) {
    var sieve = PingSieve(expectsPreface: preface)
    var passed: [UInt8] = []
    var pings: [UInt64] = []
    for piece in pieces {
      let output = sieve.received(ByteBuffer(bytes: piece))
      passed += output.passed.flatMap { Array($0.readableBytesView) }
      pings += output.pings
    }
    return (passed, pings)
  }

  @Test func pingsAreTakenOutAndTheRestIsUntouched() {
    let output = run([Self.conversation[...]], preface: false)
    #expect(output.passed == Self.withoutPings)
    #expect(output.pings == [1, 2, 3, 5])
  }

  @Test func everySplitInTwoGivesTheSame() {
    for preface in [false, true] {
      let bytes = (preface ? Frames.preface : []) + Self.conversation
      let expected = (preface ? Frames.preface : []) + Self.withoutPings
      for cut in 0...bytes.count {
        let output = run([bytes[..<cut], bytes[cut...]], preface: preface)
        #expect(output.passed == expected, "cut at \(cut)")
        #expect(output.pings == [1, 2, 3, 5], "cut at \(cut)")
      }
    }
  }

  @Test(arguments: 1...29) func piecesOfEverySizeGiveTheSame(_ size: Int) {
    let bytes = Frames.preface + Self.conversation
    let pieces = stride(from: 0, to: bytes.count, by: size).map { bytes[$0..<min($0 + size, bytes.count)] }
    let output = run(pieces, preface: true)
    #expect(output.passed == Frames.preface + Self.withoutPings)
    #expect(output.pings == [1, 2, 3, 5])
  }

  @Test func everythingButAHeldBackHeaderOrPingIsPassedOnAtOnce() {
    var sieve = PingSieve(expectsPreface: false)
    let begun = sieve.received(ByteBuffer(bytes: Frames.data.prefix(20)))
    #expect(begun.passed.reduce(0) { $0 + $1.readableBytes } == 20)
  }

  @Test(arguments: [
    Frames.frame(type: 6, [1, 2, 3]), Frames.frame(type: 6, stream: 1, Array(repeating: 0, count: 8)),
    Frames.frame(type: 6, Array(repeating: 0, count: 9)),
  ])
  func anIllegalPingIsLeftToTheHTTP2Library(_ bytes: [UInt8]) {
    let output = run([bytes[...]], preface: false)
    #expect(output.passed == bytes)
    #expect(output.pings.isEmpty)
  }

  @Test func theFirstFrameAndGoAwayAreSeen() {
    var sieve = PingSieve(expectsPreface: false)
    let begun = sieve.received(ByteBuffer(bytes: Frames.settings.prefix(8)))
    #expect(!begun.sawFirstFrame)
    let ended = sieve.received(ByteBuffer(bytes: Frames.settings.dropFirst(8)))
    #expect(ended.sawFirstFrame)
    let goAway = sieve.received(ByteBuffer(bytes: Frames.goAway))
    #expect(goAway.sawGoAway && !goAway.sawFirstFrame)
  }

  @Test func theBudgetRefillsEvenly() {
    var budget = PingBudget(perSecond: 10, now: .uptimeNanoseconds(0))
    let start = NIODeadline.uptimeNanoseconds(0)
    let asked: [(count: Int, after: TimeAmount)] = [
      (10, .zero), (1, .nanoseconds(1)), (5, .milliseconds(500)), (1, .milliseconds(500)), (11, .hours(1000)), (10, .hours(1000)),
    ]
    let given = asked.map { budget.take($0.count, now: start + $0.after) }
    #expect(given == [true, false, true, false, false, true])
  }
}

@Suite struct PingShieldTests {
  private func channel(perSecond: Int = 1000, flood: @escaping () -> Void = {}) throws -> EmbeddedChannel {
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandler(
      PingShield(expectsPreface: false, perSecond: perSecond, events: .init(flood: flood), now: { .uptimeNanoseconds(0) }))
    try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
    return channel
  }

  private func inbound(_ channel: EmbeddedChannel) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let buffer = try channel.readInbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
    return bytes
  }

  private func outbound(_ channel: EmbeddedChannel) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
    return bytes
  }

  @Test func everyPingIsAnsweredAndNothingElseIsWritten() throws {
    let channel = try channel()
    for byte in PingSieveTests.conversation { try channel.writeInbound(ByteBuffer(bytes: [byte])) }
    #expect(try inbound(channel) == PingSieveTests.withoutPings)
    #expect(try outbound(channel) == [1, 2, 3, 5].flatMap { Frames.ping($0, ack: true) })
    _ = try channel.finish(acceptAlreadyClosed: true)
  }

  @Test func aFloodIsEndedWithEnhanceYourCalm() throws {
    var floods = 0
    let channel = try channel(perSecond: 5) { floods += 1 }
    // Writing to a channel that is closed already throws, which is what happens here.
    for number in 0..<10 { _ = try? channel.writeInbound(ByteBuffer(bytes: Frames.ping(UInt64(number)) + Frames.data)) }
    let written = try outbound(channel)
    let answers = (0..<5).flatMap { Frames.ping(UInt64($0), ack: true) }
    #expect(Array(written.prefix(answers.count)) == answers)
    let goAway = Array(written.dropFirst(answers.count))
    #expect(goAway == Frames.frame(type: 7, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0x0b] + Array("too_many_pings".utf8)))
    #expect(floods == 1)
    #expect(!channel.isActive)
    #expect(try inbound(channel) == (0..<5).flatMap { _ in Frames.data })
  }
}
