import GRPCCore
import NIOCore
import NIOHTTP2

/// Tells a call that its peer never saw it from one that may have been carried out.
///
/// A server that says GOAWAY takes no new calls, and those that were on their way are refused (RFC 9113, 6.8) or cannot be sent any more. They may
/// be made again over the next connection; the transport gives them the same status as calls whose fate is unknown. This handler, the first in
/// every stream of our connections, ends them as if the peer had refused the stream, which has a status of its own.
///
/// Confined to its channel's event loop. State: whether the request may leave, and whether it has been answered.
final class UnprocessedWatch: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private typealias Write = (data: NIOAny, promise: EventLoopPromise<Void>?)

  private enum State {
    /// Nothing was flushed. Goes to `open` or `withheld` with the first flush.
    case new([Write])
    case open
    /// The peer took no streams any more when this one was to open: nothing of it goes out.
    case withheld
  }

  private let goAway: Flag
  private var state = State.new([])
  /// Whether the call has its answer, or its end.
  private var isDecided = false

  /// - Parameter goAway: raised on the event loop as soon as the peer has said so, before the transport learns of it.
  init(goAway: Flag) {
    self.goAway = goAway
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .rstStream(.refusedStream): tell(context)
    case .headers:
      isDecided = true
      context.fireChannelRead(data)
    default: context.fireChannelRead(data)
    }
  }

  /// The connection ended before anything of the call went out.
  func channelInactive(context: ChannelHandlerContext) {
    if case .new = state { tell(context) }
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let closed = event as? StreamClosedEvent, closed.reason == .refusedStream { tell(context) }
    context.fireUserInboundEventTriggered(event)
  }

  /// Nothing goes on before the first flush, when it is known whether the stream may still be opened: the transport may flush the headers of a call
  /// some turns of the event loop after it wrote them, and takes a stream that opens after a GOAWAY for an error of the whole connection.
  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch state {
    case .new(let held): state = .new(held + [(data, promise)])
    case .open, .withheld: pass((data, promise), context)
    }
  }

  func flush(context: ChannelHandlerContext) {
    if case .new(let held) = state, !held.isEmpty {
      state = goAway.isRaised ? .withheld : .open
      for write in held { pass(write, context) }
      if goAway.isRaised { tell(context) }
    }
    context.flush()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    guard case .new(let held) = state else { return }
    state = .withheld
    for write in held { write.promise?.fail(ChannelError.ioOnClosedChannel) }
  }

  private func pass(_ write: Write, _ context: ChannelHandlerContext) {
    guard case .open = state else {
      // The answer says what became of it; an error here would be told instead.
      write.promise?.succeed()
      return
    }
    guard case .headers = unwrapOutboundIn(write.data) else { return context.write(write.data, promise: write.promise) }
    let (written, told) = (context.eventLoop.makePromise(of: Void.self), write.promise)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    written.futureResult.whenComplete { result in
      // Without these headers nothing that follows means anything to the peer.
      let (watch, context) = bound.value
      if case .failure = result {
        watch.state = .withheld
        watch.tell(context)
      }
      told?.succeed()
    }
    context.write(write.data, promise: written)
  }

  private func tell(_ context: ChannelHandlerContext) {
    guard !isDecided else { return }
    isDecided = true
    context.fireChannelRead(wrapInboundOut(.rstStream(.refusedStream)))
  }
}

extension Error {
  /// The call may be made again: the peer has not seen it. A peer that says so itself is called once more, which is its own doing.
  var isOfUnprocessedCall: Bool {
    switch self {
    case let error as RPCError: error.isOfUnprocessedCall
    // The connection was taken for the call, and came to its end before the call was made.
    case let error as RuntimeError: error.code == .clientIsStopped
    default: false
    }
  }
}

extension RPCError {
  /// What the transport says when it cannot even open a stream, and when the peer refused it (RFC 9113, 8.7).
  private static let unprocessed: Set = [
    "Stream unexpectedly closed: received RST_STREAM frame (0x7: refused stream).", "subchannel is unavailable", "The channel was closed",
    "Transport is shut down.", "Transport is shutting down.",
  ]

  fileprivate var isOfUnprocessedCall: Bool {
    code == .unavailable && Self.unprocessed.contains(message)
  }
}
