import GRPCCore
import NIOCore
import NIOHPACK
import NIOHTTP2

/// Tells the handler of a call which connection the call came over.
///
/// grpc-swift gives handlers the peer's certificate, parsed again for every call, but nothing that names the connection. This handler, the
/// first in every HTTP/2 stream, puts the connection's number into the request's metadata, and takes out whatever the peer put there.
///
/// Confined to its channel's event loop; no mutable state.
final class ConnectionStamp: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload

  static let key = "hyper-connection"

  private let connectionID: UInt64

  init(connectionID: UInt64) {
    self.connectionID = connectionID
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .headers(var payload) = unwrapInboundIn(data) else {
      context.fireChannelRead(data)
      return
    }
    payload.headers.remove(name: Self.key)
    payload.headers.add(name: Self.key, value: String(connectionID))
    context.fireChannelRead(wrapInboundOut(.headers(payload)))
  }

  /// The number that the stamp left in a call's metadata.
  static func connectionID(in metadata: Metadata) -> UInt64? {
    for value in metadata[stringValues: key] { return UInt64(value) }
    return nil
  }
}

/// Marks a connection's pipeline, so that its streams find what they need. No behaviour, no mutable state.
final class ConnectionMark: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  let connection: VerifiedConnection
  private let messageSize: Int
  private let log: PeerLog

  init(_ connection: VerifiedConnection, messageSize: Int, log: PeerLog) {
    self.connection = connection
    self.messageSize = messageSize
    self.log = log
  }

  /// What stands in front of the transport in a new stream of the connection; on the event loop of both.
  func prepare(_ stream: any NIOCore.Channel) throws {
    let (connection, log) = (connection, log)
    let gate = MessageGate(limit: messageSize) { reason in
      if let peer = connection.peer { log.callRefused(peer, at: connection, reason: reason) }
    }
    try stream.pipeline.syncOperations.addHandlers([gate, ConnectionStamp(connectionID: connection.id)], position: .first)
  }
}
