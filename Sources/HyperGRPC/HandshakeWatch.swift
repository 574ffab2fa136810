import NIOCore
import NIOSSL
import NIOTLS

/// Sees that a TLS handshake ends in time and says how it ended. Sits right behind the TLS handler.
///
/// Confined to its channel's event loop. State: whether the outcome was told, and the timer.
final class HandshakeWatch: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  enum Outcome {
    case completed
    case timedOut
    /// The connection broke or TLS failed; the error is NIOSSL's.
    case failed(any Error)
  }

  struct ClosedEarly: Error, CustomStringConvertible {
    var description: String { "the peer closed the connection during the handshake" }
  }

  private let limit: TimeAmount
  private var onOutcome: ((Outcome) -> Void)?
  private var timer: Scheduled<Void>?

  /// - Parameter onOutcome: called exactly once, on the event loop.
  init(limit: Duration, onOutcome: @escaping (Outcome) -> Void) {
    self.limit = TimeAmount(limit)
    self.onOutcome = onOutcome
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: limit) {
      let (watch, context) = bound.value
      guard watch.onOutcome != nil else { return }
      watch.tell(.timedOut)
      context.close(promise: nil)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) { tell(.failed(ClosedEarly())) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { tell(.completed) }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let duringHandshake = onOutcome != nil
    tell(.failed(error))
    if duringHandshake {
      context.close(promise: nil)
    } else {
      context.fireErrorCaught(error)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    tell(.failed(ClosedEarly()))
    context.fireChannelInactive()
  }

  private func tell(_ outcome: Outcome) {
    timer?.cancel()
    timer = nil
    let tellOnce = onOutcome
    onOutcome = nil
    tellOnce?(outcome)
  }
}
