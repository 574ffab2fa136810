import NIOCore
import NIOEmbedded
import NIOHTTP2
import Testing

@testable import HyperGRPC

@Suite struct FarewellTests {
  private static let notice = Frames.frame(type: 7, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])

  /// A server's connection whose peer has sent its settings; `said` takes what the server wrote since it was asked last.
  private struct Connection {
    let channel = EmbeddedChannel()
    private let farewell: Farewell
    let unanswered: Counter

    final class Counter {
      var count = 0
    }

    init(age: Duration = .seconds(60), idle: Duration = .seconds(10)) throws {
      let unanswered = Counter()
      self.unanswered = unanswered
      let pipeline = channel.pipeline.syncOperations
      try pipeline.addHandler(NIOHTTP2Handler(mode: .server))
      farewell = Farewell(.init(age: age, idle: idle, grace: .seconds(30))) { unanswered.count += 1 }
      try pipeline.addHandler(farewell)
      try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
      try channel.writeInbound(ByteBuffer(bytes: Frames.preface + Frames.settings))
      _ = try said()
    }

    func said() throws -> [UInt8] {
      var bytes: [UInt8] = []
      while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
      return bytes
    }

    func wait(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }

    /// Opens a stream, which ends when it is closed.
    func open() throws -> EmbeddedChannel {
      let stream = EmbeddedChannel(loop: channel.embeddedEventLoop)
      try stream.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
      farewell.opened(stream)
      return stream
    }
  }

  @Test func atItsAgeAConnectionIsToldOnceToOpenNoMoreStreamsAndEndsAfterTheGrace() throws {
    let connection = try Connection()
    let stream = try connection.open()
    connection.wait(.seconds(59))
    #expect(try connection.said() == [])
    connection.wait(.seconds(1))
    #expect(try connection.said() == Self.notice)
    connection.wait(.seconds(29))
    #expect(connection.channel.isActive)
    connection.wait(.seconds(1))
    #expect(!connection.channel.isActive)
    #expect(try connection.said() == [])
    // It had a call.
    #expect(connection.unanswered.count == 0)
    try stream.close().wait()
  }

  @Test func aConnectionWithoutCallsIsToldTheSameSooner() throws {
    let connection = try Connection()
    connection.wait(.seconds(8))
    let stream = try connection.open()
    connection.wait(.seconds(20))
    try stream.close().wait()
    connection.wait(.seconds(9))
    #expect(try connection.said() == [])
    connection.wait(.seconds(1))
    #expect(try connection.said() == Self.notice)
    connection.wait(.seconds(30))
    #expect(!connection.channel.isActive)
    #expect(connection.unanswered.count == 1)
  }

  @Test func shortCallsKeepAConnectionUntilItsAge() throws {
    let connection = try Connection()
    for _ in 0..<7 {
      #expect(try connection.said() == [])
      connection.wait(.seconds(8))
      try connection.open().close().wait()
    }
    #expect(try connection.said() == [])
    connection.wait(.seconds(4))
    #expect(try connection.said() == Self.notice)
  }

  @Test func aCallBehindTheNoticeIsTaken() throws {
    let connection = try Connection()
    connection.wait(.seconds(10))
    #expect(try connection.said() == Self.notice)
    let headers: [UInt8] = [0x83, 0x87, 0x84]  // POST, https, / (RFC 7541, appendix A)
    try connection.channel.writeInbound(ByteBuffer(bytes: Frames.frame(type: 1, flags: 4, stream: 1, headers)))
    let frames = Array(try (0..<2).compactMap { _ in try connection.channel.readInbound(as: HTTP2Frame.self) })
    #expect(frames.contains { if case .headers = $0.payload { true } else { false } })
  }
}
