import NIOCore

/// Tells a peer that its connection has reached its age, a while before the transport does: GOAWAY with the highest possible stream number, which
/// asks for no new calls and still takes those that are on their way (RFC 9113, 6.8).
///
/// NIOHTTP2 takes none from the moment it sends a GOAWAY itself, and ends the whole connection when one arrives; by then no peer that keeps to this
/// notice sends any. It can go when NIOHTTP2 accepts streams up to the number it has named.
///
/// Confined to its channel's event loop. State: the timer.
final class AgeNotice: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let age: TimeAmount
  private var timer: Scheduled<Void>?

  init(age: Duration) {
    self.age = TimeAmount(age)
  }

  /// The first bytes of the peer come behind our own settings, before which nothing may be sent.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if timer == nil {
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      timer = context.eventLoop.scheduleTask(in: age) {
        let (notice, context) = bound.value
        notice.send(context)
      }
    }
    context.fireChannelRead(data)
  }

  func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

  private func send(_ context: ChannelHandlerContext) {
    var buffer = context.channel.allocator.buffer(capacity: 17)
    let (goAway, noError): (UInt8, UInt32) = (0x07, 0)
    buffer.writeMultipleIntegers(UInt8(0), UInt16(8), goAway, UInt8(0), UInt32(0), UInt32(0x7fff_ffff), noError)
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
  }
}
