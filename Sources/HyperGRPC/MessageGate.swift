import NIOCore
import NIOHPACK
import NIOHTTP2

/// Refuses a message that is larger than it may be, with RESOURCE_EXHAUSTED as deployed servers do, and says which peer sent it.
///
/// The transport would drop the stream without a word, perhaps before anybody knew of it. Stands in front of the transport in every stream of a
/// server's connections. Confined to its channel's event loop. State: where in which message the stream is, and what was sent.
final class MessageGate: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private static let resourceExhausted = "8"

  private var lengths: MessageLengths
  private let limit: Int
  private let onRefusal: (_ reason: String) -> Void
  private var hasSentHeaders = false
  private var isRefused = false

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

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isRefused else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    if case .headers = unwrapOutboundIn(data) { hasSentHeaders = true }
    context.write(data, promise: promise)
  }

  /// The rest of the message is not waited for: the stream ends here.
  private func refuse(_ length: Int, context: ChannelHandlerContext) {
    isRefused = true
    let reason = "a message of \(length) bytes, more than the \(limit) that a message may have"
    onRefusal(reason)
    var headers: HPACKHeaders = hasSentHeaders ? [:] : [":status": "200", "content-type": "application/grpc"]
    headers.add(name: "grpc-status", value: Self.resourceExhausted)
    headers.add(name: "grpc-message", value: reason)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    // The close is a reset, which must not overtake the status.
    context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: headers, endStream: true)))).whenComplete { _ in
      bound.value.close(promise: nil)
    }
  }
}
