import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Testing

@testable import HyperGRPC

@Suite struct MessageGateTests {
  private static func message(_ length: Int, sent: Int? = nil) -> [UInt8] {
    [0, UInt8(length >> 24 & 0xff), UInt8(length >> 16 & 0xff), UInt8(length >> 8 & 0xff), UInt8(length & 0xff)]
      + Array(repeating: 7, count: sent ?? length)
  }

  @Test func messagesUpToTheLimitPassHoweverTheyAreCutAndTheFirstLargerOneIsFound() {
    let bytes = Self.message(0) + Self.message(3) + Self.message(10) + Self.message(11, sent: 4)
    let known = bytes.count - 4
    for cut in 0...bytes.count {
      var lengths = MessageLengths(limit: 10)
      let first = lengths.received(ByteBuffer(bytes: bytes[..<cut]))
      #expect(first == (cut >= known ? 11 : nil), "cut at \(cut)")
      if first == nil {
        let second = lengths.received(ByteBuffer(bytes: bytes[cut...]))
        #expect(second == 11, "cut at \(cut)")
      }
    }
    var lengths = MessageLengths(limit: 10)
    let found = bytes.map { lengths.received(ByteBuffer(bytes: [$0])) }
    #expect(found.firstIndex { $0 != nil } == known - 1)
  }

  @Test func lengthsUseAllFourBytes() {
    var lengths = MessageLengths(limit: 4 << 20)
    let found = lengths.received(ByteBuffer(bytes: [1, 0xff, 0xff, 0xff, 0xff]))
    #expect(found == 4_294_967_295)
  }

  private func data(_ bytes: [UInt8]) -> HTTP2Frame.FramePayload {
    .data(.init(data: .byteBuffer(ByteBuffer(bytes: bytes))))
  }

  @Test(arguments: [false, true]) func aRefusalEndsTheStreamWithAStatusAndIsToldOnce(afterHeaders: Bool) throws {
    var reasons: [String] = []
    let channel = EmbeddedChannel(handler: MessageGate(limit: 10) { reasons.append($0) })
    try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
    if afterHeaders {
      try channel.writeOutbound(HTTP2Frame.FramePayload.headers(.init(headers: [":status": "200"])))
      _ = try channel.readOutbound(as: HTTP2Frame.FramePayload.self)
    }
    try channel.writeInbound(data(Self.message(10)))
    #expect(try channel.readInbound(as: HTTP2Frame.FramePayload.self) != nil)
    // Whoever reads above learns of it, and what it does then waits for the peer.
    #expect(throws: (any Error).self) { try channel.writeInbound(data(Self.message(1000, sent: 20))) }
    try channel.writeInbound(data(Self.message(1000, sent: 20)))
    channel.close(promise: nil)
    #expect(try channel.readInbound(as: HTTP2Frame.FramePayload.self) == nil)
    let written = try channel.readOutbound(as: HTTP2Frame.FramePayload.self)
    guard case .headers(let answer)? = written else { throw CallFailureInTest() }
    #expect(answer.endStream)
    #expect(answer.headers.first(name: ":status") == (afterHeaders ? nil : "200"))
    #expect(answer.headers.first(name: "grpc-status") == "8")
    #expect(reasons == ["a message of 1000 bytes, more than the 10 that a message may have"])
    #expect(channel.isActive)
    channel.embeddedEventLoop.advanceTime(by: .seconds(1))
    #expect(!channel.isActive)
  }

  private struct CallFailureInTest: Error {}
}
