import NIOCore

/// Ends a connection on which nothing comes any more, not even the answer to a PING: the process at its other end hangs, while its kernel goes on
/// confirming what we send. The transport's keepalive says goodbye then and waits for the answer to that.
///
/// Stands behind TLS, below the PING shield. Confined to its channel's event loop. State: when something came last, and the timer.
final class SilenceWatch: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let limit: TimeAmount
  private let onSilence: () -> Void
  private var lastRead = NIODeadline.uptimeNanoseconds(0)
  private var timer: Scheduled<Void>?

  /// - Parameters:
  ///   - limit: longer than a PING and its answer take.
  ///   - onSilence: called on the event loop before the connection is closed.
  init(limit: Duration, onSilence: @escaping () -> Void) {
    self.limit = TimeAmount(limit)
    self.onSilence = onSilence
  }

  func handlerAdded(context: ChannelHandlerContext) {
    lastRead = context.eventLoop.now
    look(context, at: lastRead + limit)
  }

  func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    lastRead = context.eventLoop.now
    context.fireChannelRead(data)
  }

  private func look(_ context: ChannelHandlerContext, at moment: NIODeadline) {
    timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: moment) {
      let due = self.lastRead + self.limit
      guard due <= context.eventLoop.now else { return self.look(context, at: due) }
      self.onSilence()
      context.close(promise: nil)
    }
  }
}
