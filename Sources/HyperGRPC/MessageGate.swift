import NIOCore
import NIOHPACK
import NIOHTTP2

/// Refuses a message that is larger than it may be, with RESOURCE_EXHAUSTED as deployed servers do, and says which peer sent it.
///
/// The transport would drop the stream without a word, perhaps before anybody knew of it. Stands in front of the transport in every stream of a
/// server's connections. Confined to its channel's event loop. State: where in which message the stream is, what was sent, and the timer.
final class MessageGate: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private struct TooLarge: Error {}

  private static let resourceExhausted = "8"
  /// What a peer may go on sending after its refusal; it is dropped.
  private static let patience = TimeAmount.seconds(1)

  private var lengths: MessageLengths
  private let limit: Int
  private let onRefusal: (_ reason: String) -> Void
  private var hasSentHeaders = false
  private var isRefused = false
  private var cut: Scheduled<Void>?

  /// - Parameter onRefusal: called at most once, on the event loop.
  init(limit: Int, onRefusal: @escaping (_ reason: String) -> Void) {
    self.limit = limit
    lengths = MessageLengths(limit: limit)
    self.onRefusal = onRefusal
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isRefused else { return }
    if case .data(let frame) = unwrapInboundIn(data), case .byteBuffer(let bytes) = frame.data, let length = lengths.received(bytes) {
      refuse(length, context: context)
    } else {
      context.fireChannelRead(data)
    }
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard isRefused else { return context.close(mode: mode, promise: promise) }
    context.channel.closeFuture.cascade(to: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) { cut?.cancel() }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isRefused else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    if case .headers = unwrapOutboundIn(data) { hasSentHeaders = true }
    context.write(data, promise: promise)
  }

  /// The rest of the message is not waited for: our side of the stream ends here.
  private func refuse(_ length: Int, context: ChannelHandlerContext) {
    isRefused = true
    let reason = "a message of \(length) bytes, more than the \(limit) that a message may have"
    onRefusal(reason)
    var headers: HPACKHeaders = hasSentHeaders ? [:] : [":status": "200", "content-type": "application/grpc"]
    headers.add(name: "grpc-status", value: Self.resourceExhausted)
    headers.add(name: "grpc-message", value: reason)
    context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
    // A close is a reset, which peers that are still sending may take for the end of the call before they have read the status. They close
    // the stream when they have; whoever does not is cut.
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    cut = context.eventLoop.scheduleTask(in: Self.patience) { bound.value.close(promise: nil) }
    context.fireErrorCaught(TooLarge())
  }
}
