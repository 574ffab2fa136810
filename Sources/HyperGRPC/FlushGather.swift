import NIOCore

/// Gathers the flushes of one turn of the event loop into one, so that the messages of calls that are answered together travel in one TLS record and
/// one system call. Sits between TLS and HTTP/2.
///
/// A flush waits for what is in the loop's queue already and for no timer, so a single call is not delayed.
///
/// Confined to its channel's event loop. State: whether a flush is due.
final class FlushGather: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var isDue = false

  func flush(context: ChannelHandlerContext) {
    if isDue { return }
    isDue = true
    context.eventLoop.assumeIsolated().execute { self.flushNow(context) }
  }

  /// What was flushed before goes out before.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    flushNow(context)
    context.close(mode: mode, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    isDue = false
  }

  private func flushNow(_ context: ChannelHandlerContext) {
    guard isDue else { return }
    isDue = false
    context.flush()
  }
}
