import GRPCCore
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Testing

@testable import HyperGRPC

@Suite struct UnprocessedWatchTests {
  private typealias Payload = HTTP2Frame.FramePayload

  private static let request: HPACKHeaders = [":method": "POST", ":path": "/Hyper/Call"]

  /// Below the watch: writes fail when it says so.
  private final class Below: ChannelOutboundHandler {
    typealias OutboundIn = Payload
    var fails = false

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
      if fails { promise?.fail(ChannelError.ioOnClosedChannel) } else { context.write(data, promise: promise) }
    }
  }

  private func channel(goAway: Flag = Flag(), below: Below = Below()) throws -> EmbeddedChannel {
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandlers([below, UnprocessedWatch(goAway: goAway)])
    try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
    return channel
  }

  /// Whether the transport is told that the stream was refused.
  private func isRefused(_ channel: EmbeddedChannel) throws -> Bool {
    guard case .rstStream(.refusedStream)? = try channel.readInbound(as: Payload.self) else { return false }
    return true
  }

  private func send(_ channel: EmbeddedChannel) {
    channel.pipeline.syncOperations.writeAndFlush(NIOAny(Payload.headers(.init(headers: Self.request))), promise: nil)
  }

  @Test func aCallThatIsRefusedWasNotProcessed() throws {
    let reset = try channel()
    send(reset)
    try reset.writeInbound(Payload.rstStream(.refusedStream))
    #expect(try isRefused(reset))
    let goneAway = try channel()
    send(goneAway)
    goneAway.pipeline.fireUserInboundEventTriggered(StreamClosedEvent(streamID: 3, reason: .refusedStream))
    #expect(try isRefused(goneAway))
    // Once is enough.
    goneAway.pipeline.fireUserInboundEventTriggered(StreamClosedEvent(streamID: 3, reason: .refusedStream))
    #expect(try !isRefused(goneAway))
  }

  @Test func aCallThatDidNotLeaveWasNotProcessed() throws {
    let below = Below()
    below.fails = true
    let unwritten = try channel(below: below)
    send(unwritten)
    #expect(try isRefused(unwritten))
    let goAway = Flag()
    goAway.raise()
    let late = try channel(goAway: goAway)
    send(late)
    #expect(try isRefused(late))
    // What follows the headers must not go out either.
    send(late)
    #expect(try late.readOutbound(as: Payload.self) == nil)
  }

  /// The transport writes the headers first and flushes when the message is there; the GOAWAY may come between.
  @Test func aCallThatWasWrittenButNotFlushedBeforeAGoAwayDoesNotLeave() throws {
    let goAway = Flag()
    let channel = try channel(goAway: goAway)
    channel.pipeline.syncOperations.write(NIOAny(Payload.headers(.init(headers: Self.request))), promise: nil)
    goAway.raise()
    channel.pipeline.syncOperations.flush()
    #expect(try channel.readOutbound(as: Payload.self) == nil)
    #expect(try isRefused(channel))
  }

  /// Between the opening of a stream and its first flush the connection may end.
  @Test func aCallWhoseConnectionEndsBeforeItLeavesWasNotProcessed() throws {
    let unwritten = try channel()
    unwritten.pipeline.fireChannelInactive()
    #expect(try isRefused(unwritten))
    let unflushed = try channel()
    unflushed.pipeline.syncOperations.write(NIOAny(Payload.headers(.init(headers: Self.request))), promise: nil)
    unflushed.pipeline.fireChannelInactive()
    #expect(try isRefused(unflushed))
    let sent = try channel()
    send(sent)
    sent.pipeline.fireChannelInactive()
    #expect(try !isRefused(sent))
  }

  @Test func anyOtherEndIsLeftToTheTransport() throws {
    for reason in [HTTP2ErrorCode.cancel, .internalError, nil] {
      let channel = try channel()
      send(channel)
      channel.pipeline.fireUserInboundEventTriggered(StreamClosedEvent(streamID: 3, reason: reason))
      #expect(try channel.readInbound(as: Payload.self) == nil)
    }
    // It was answered: whatever comes then, it was processed.
    let answered = try channel()
    send(answered)
    try answered.writeInbound(Payload.headers(.init(headers: [":status": "200"])))
    _ = try answered.readInbound(as: Payload.self)
    answered.pipeline.fireUserInboundEventTriggered(StreamClosedEvent(streamID: 3, reason: .refusedStream))
    #expect(try !isRefused(answered))
  }

  /// A stream that is open when the peer says goodbye may be used to its end.
  @Test func aStreamThatHasBegunGoesOnAfterAGoAway() throws {
    let goAway = Flag()
    let channel = try channel(goAway: goAway)
    send(channel)
    goAway.raise()
    send(channel)
    #expect(try channel.readOutbound(as: Payload.self) != nil)
    #expect(try channel.readOutbound(as: Payload.self) != nil)
    #expect(try !isRefused(channel))
  }

  @Test func otherErrorsAreNotOfUnprocessedCalls() {
    #expect(!RPCError(code: .unavailable, message: "Stream unexpectedly closed.").isOfUnprocessedCall)
    #expect(!RPCError(code: .unknown, message: "Transport is shut down.").isOfUnprocessedCall)
    #expect(RPCError(code: .unavailable, message: "Transport is shut down.").isOfUnprocessedCall)
  }
}
