import NIOCore
import NIOHTTP1
import NIOTLS

/// The client's end of a pipeline: one request out, one answer in, again and again. Runs on the event loop alone.
final class ExchangeHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundIn = Exchange
  typealias OutboundOut = HTTPClientRequestPart

  /// A request and where its answer goes. The promise is completed exactly once, whatever becomes of the connection.
  struct Exchange: Sendable {
    var head: HTTPRequestHead
    var body: ByteBuffer
    /// The promise fails with `timedOut` then.
    var deadline: NIODeadline
    var promise: EventLoopPromise<ClientConnection.Answer>
  }

  private struct Open {
    var deadline: NIODeadline
    var promise: EventLoopPromise<ClientConnection.Answer>
    var head: HTTPResponseHead?
    var body = ByteBuffer()
  }

  private let answerLimit: Int
  private let idleTime: TimeAmount
  private let ready: EventLoopPromise<Void>
  private let gone: EventLoopPromise<Void>
  private let awaitsHandshake: Bool
  private var open: Open?
  private var idleSince: NIODeadline?
  /// One alarm for the deadlines of all exchanges and for idleness. One that rings too early looks again later, so that an exchange that ends
  /// in time, as nearly all do, sets none.
  private var alarm: (at: NIODeadline, task: Scheduled<Void>)?
  /// We have closed the connection. TLS says farewell first, and until that is answered it looks open.
  private var isClosing = false
  /// What broke the connection, kept for the exchange that notices it as a close.
  private var failure: (any Error)?

  /// - Parameters:
  ///   - ready: the connection can carry a call.
  ///   - gone: it can carry none any more: it is closed, or about to be.
  init(answerLimit: Int, idleTime: TimeAmount, ready: EventLoopPromise<Void>, gone: EventLoopPromise<Void>, awaitsHandshake: Bool) {
    self.answerLimit = answerLimit
    self.idleTime = idleTime
    self.ready = ready
    self.gone = gone
    self.awaitsHandshake = awaitsHandshake
  }

  func channelActive(context: ChannelHandlerContext) {
    if !awaitsHandshake { ready.succeed() }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { ready.succeed() }
    context.fireUserInboundEventTriggered(event)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let exchange = unwrapOutboundIn(data)
    guard open == nil, failure == nil, !isClosing, context.channel.isActive else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    idleSince = nil
    open = Open(deadline: exchange.deadline, promise: exchange.promise)
    look(context)
    context.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(exchange.body))), promise: nil)
    // What fails here also closes the connection, and that ends the exchange.
    context.write(wrapOutboundOut(.end(nil)), promise: nil)
    promise?.succeed()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard var exchange = open else {
      // An answer to nothing: the other side does not speak as it should.
      close(context)
      return
    }
    switch unwrapInboundIn(data) {
    case .head(let head): exchange.head = head
    case .body(var piece):
      guard exchange.body.readableBytes + piece.readableBytes <= answerLimit else {
        fail(ClientConnection.Failure.answerTooLarge(limit: answerLimit))
        context.triggerUserOutboundEvent(AbortConnection(), promise: nil)
        return
      }
      exchange.body.writeBuffer(&piece)
    case .end:
      open = nil
      finish(exchange, context)
      return
    }
    open = exchange
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failure = failure ?? error
    ready.fail(error)
    fail(error)
    context.triggerUserOutboundEvent(AbortConnection(), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    ready.fail(ClientConnection.Failure.closed)
    fail(failure ?? ClientConnection.Failure.closed)
    gone.succeed()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    alarm?.task.cancel()
    alarm = nil
    ready.fail(ClientConnection.Failure.closed)
    fail(failure ?? ClientConnection.Failure.closed)
    gone.succeed()
  }

  private func finish(_ exchange: Open, _ context: ChannelHandlerContext) {
    guard let head = exchange.head else {
      exchange.promise.fail(ClientConnection.Failure.closed)
      return
    }
    let keeps = head.isKeepAlive && context.channel.isActive
    if keeps {
      idleSince = .now()
      look(context)
    } else {
      close(context)
    }
    exchange.promise.succeed(
      ClientConnection.Answer(status: Int(head.status.code), body: exchange.body, keepsConnection: keeps))
  }

  /// Acts on what is due and sets the alarm for what will be.
  private func look(_ context: ChannelHandlerContext) {
    guard let due = open?.deadline ?? idleSince.map({ $0 + idleTime }) else { return }
    if due <= .now() {
      guard open != nil else { return close(context) }
      fail(ClientConnection.Failure.timedOut)
      return context.triggerUserOutboundEvent(AbortConnection(), promise: nil)
    }
    if let alarm, alarm.at <= due { return }
    alarm?.task.cancel()
    let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
      self.alarm = nil
      self.look(context)
    }
    alarm = (due, task)
  }

  private func close(_ context: ChannelHandlerContext) {
    isClosing = true
    gone.succeed()
    context.close(promise: nil)
  }

  private func fail(_ error: any Error) {
    open?.promise.fail(error)
    open = nil
  }
}
