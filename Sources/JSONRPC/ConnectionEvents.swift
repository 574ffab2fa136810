import NIOCore
import NIOSSL

/// Cuts the connection, whatever TLS still waits for. Sent as an outbound event, because those travel from any thread to the socket's end
/// of the pipeline, past the TLS handler, which would first wait some seconds for the other side's farewell.
struct AbortConnection: Sendable {}

/// Asks a connection to end when its present request is answered. Sent as an inbound event.
struct DrainConnection: Sendable {}

/// The handler next to the socket: carries out `AbortConnection`.
final class SocketEnd: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer

  func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
    guard event is AbortConnection else {
      context.triggerUserOutboundEvent(event, promise: promise)
      return
    }
    context.close(promise: promise)
  }
}

/// Lets a client end its sending side without TLS's farewell (a plain FIN) and still read its answer.
///
/// Whether the request was cut short is seen from its announced length, so nothing is lost by not insisting on the farewell.
final class RaggedEndFilter: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? NIOSSLError, case .uncleanShutdown = error { return }
    context.fireErrorCaught(error)
  }
}
