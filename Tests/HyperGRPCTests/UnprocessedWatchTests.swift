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

  /// The error that the transport makes of what arrived.
  private func error(_ channel: EmbeddedChannel) throws -> RPCError? {
    guard case .headers(let answer)? = try channel.readInbound(as: Payload.self), answer.endStream,
      let code = answer.headers.first(name: "grpc-status").flatMap({ Int($0) }).flatMap(Status.Code.init(rawValue:)),
      let error = RPCError.Code(code)
    else { return nil }
    return RPCError(code: error, message: answer.headers.first(name: "grpc-message") ?? "")
  }

  private func send(_ channel: EmbeddedChannel) {
    channel.pipeline.syncOperations.writeAndFlush(NIOAny(Payload.headers(.init(headers: Self.request))), promise: nil)
  }

  @Test func aCallThatIsRefusedWasNotProcessed() throws {
    let reset = try channel()
    send(reset)
    try reset.writeInbound(Payload.rstStream(.refusedStream))
    #expect(try error(reset)?.isOfUnprocessedCall == true)
    let goneAway = try channel()
    send(goneAway)
    goneAway.pipeline.fireUserInboundEventTriggered(StreamClosedEvent(streamID: 3, reason: .refusedStream))
    #expect(try error(goneAway)?.isOfUnprocessedCall == true)
    // Once is enough.
    goneAway.pipeline.fireUserInboundEventTriggered(StreamClosedEvent(streamID: 3, reason: .refusedStream))
    #expect(try error(goneAway) == nil)
  }

  @Test func aCallThatDidNotLeaveWasNotProcessed() throws {
    let below = Below()
    below.fails = true
    let unwritten = try channel(below: below)
    send(unwritten)
    #expect(try error(unwritten)?.isOfUnprocessedCall == true)
    let goAway = Flag()
    goAway.raise()
    let late = try channel(goAway: goAway)
    send(late)
    #expect(try error(late)?.isOfUnprocessedCall == true)
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
    #expect(try error(channel)?.isOfUnprocessedCall == true)
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
    #expect(try error(answered) == nil)
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
    #expect(try error(channel) == nil)
  }

  @Test func otherErrorsAreNotOfUnprocessedCalls() {
    #expect(!RPCError(code: .unavailable, message: "Stream unexpectedly closed.").isOfUnprocessedCall)
    #expect(!RPCError(code: .unknown, message: "the call never reached the peer").isOfUnprocessedCall)
    #expect(RPCError(code: .unavailable, message: "Transport is shut down.").isOfUnprocessedCall)
  }
}
