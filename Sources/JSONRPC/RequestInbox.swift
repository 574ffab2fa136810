import NIOCore
import NIOHTTP1

/// The last handler of a server's pipeline: keeps the parts of requests until the connection's task asks for them, and stops reading while
/// it has enough.
///
/// It is in the pipeline from the moment a connection is accepted: NIO reads all there is when a client ends its side, whether anybody asked
/// or not, and what is read without a reader is lost. Runs on the event loop alone; `next()` hands over from there.
final class RequestInbox: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart

  enum Delivery: Sendable {
    /// At least one.
    case parts([HTTPServerRequestPart])
    /// The client ended its sending side, or the connection is gone.
    case ended
    case broken(any Error)
  }

  /// Parts that are kept before reading stops; a piece of a body is one read of the socket, some KiB.
  private static let enough = 8

  private var parts: [HTTPServerRequestPart] = []
  private var end: Delivery?
  private var waiting: EventLoopPromise<Delivery>?
  private var context: ChannelHandlerContext?
  private var owesRead = false

  /// Whether anything has arrived that was not handed over.
  var hasParts: Bool { !parts.isEmpty }

  /// What has arrived, as soon as that is anything. One call at a time; the end is delivered again and again.
  func next(on eventLoop: any EventLoop) -> EventLoopFuture<Delivery> {
    let promise = eventLoop.makePromise(of: Delivery.self)
    waiting?.succeed(.ended)
    waiting = promise
    deliver()
    if owesRead, parts.count < Self.enough {
      owesRead = false
      context?.read()
    }
    return promise.futureResult
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    finish(.ended)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    parts.append(unwrapInboundIn(data))
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    deliver()
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    if parts.count < Self.enough { context.read() } else { owesRead = true }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { finish(.ended) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish(.ended)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    finish(.broken(error))
  }

  private func finish(_ delivery: Delivery) {
    if end == nil { end = delivery }
    deliver()
  }

  private func deliver() {
    guard let promise = waiting else { return }
    if !parts.isEmpty {
      waiting = nil
      promise.succeed(.parts(parts))
      parts = []
    } else if let end {
      waiting = nil
      promise.succeed(end)
    }
  }
}
