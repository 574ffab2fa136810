import NIOCore
import NIOHTTP2

/// Sees that an accepted connection ends after the transport's farewell (GOAWAY: it was idle, or too old).
///
/// The transport gives the calls on it a bounded time, but only from the moment when the peer has acknowledged a PING: one that never does would
/// keep its connection for ever, without a call.
///
/// Stands right behind the HTTP/2 handler. Confined to its channel's event loop. State: the timer.
final class FarewellBound: ChannelOutboundHandler {
  typealias OutboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  private let limit: TimeAmount
  private let onOverdue: () -> Void
  private var timer: Scheduled<Void>?

  /// - Parameters:
  ///   - limit: from the first GOAWAY to the end of the connection.
  ///   - onOverdue: called on the event loop before the connection is closed.
  init(limit: Duration, onOverdue: @escaping () -> Void) {
    self.limit = TimeAmount(limit)
    self.onOverdue = onOverdue
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if timer == nil, case .goAway = unwrapOutboundIn(data).payload {
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      timer = context.eventLoop.scheduleTask(in: limit) {
        let (farewell, context) = bound.value
        farewell.onOverdue()
        context.close(promise: nil)
      }
    }
    context.write(data, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }
}
