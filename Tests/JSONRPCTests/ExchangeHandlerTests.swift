import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import JSONRPC

@Suite struct ExchangeHandlerTests {
  /// Keeps a close to itself, as TLS does until the other side has answered its farewell.
  private final class LongFarewell: ChannelOutboundHandler {
    typealias OutboundIn = Any
    private(set) var isClosing = false
    var isAnswered = false

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
      isClosing = true
      if isAnswered { context.close(mode: mode, promise: promise) } else { promise?.succeed() }
    }
  }

  /// A connection that does not stay idle, and one exchange over it with this answer.
  private func connectionAfterAnswer(_ headers: HTTPHeaders) throws -> (EmbeddedChannel, LongFarewell, gone: EventLoopFuture<Void>) {
    let channel = EmbeddedChannel()
    let farewell = LongFarewell()
    let gone = channel.eventLoop.makePromise(of: Void.self)
    try channel.pipeline.syncOperations.addHandlers([
      farewell,
      ExchangeHandler(answerLimit: 1000, idleTime: .zero, ready: channel.eventLoop.makePromise(), gone: gone, awaitsHandshake: false),
    ])
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    let (written, answer) = exchange(over: channel)
    try written.wait()
    try channel.writeInbound(HTTPClientResponsePart.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)))
    try channel.writeInbound(HTTPClientResponsePart.end(nil))
    #expect(try answer.wait().status == 200)
    return (channel, farewell, gone.futureResult)
  }

  private func exchange(over channel: EmbeddedChannel) -> (written: EventLoopFuture<Void>, answer: EventLoopFuture<ClientConnection.Answer>)
  {
    let promise = channel.eventLoop.makePromise(of: ClientConnection.Answer.self)
    let exchange = ExchangeHandler.Exchange(
      head: HTTPRequestHead(version: .http1_1, method: .POST, uri: "/"), body: ByteBuffer(), deadline: .now() + .seconds(60),
      promise: promise)
    let written = channel.writeAndFlush(exchange)
    written.whenFailure { promise.fail($0) }
    return (written, promise.futureResult)
  }

  @Test(arguments: [["content-length": "0"], ["content-length": "0", "connection": "close"]] as [HTTPHeaders])
  func aConnectionThatIsBeingClosedTakesNoOtherCall(headers: HTTPHeaders) throws {
    let (channel, farewell, gone) = try connectionAfterAnswer(headers)
    #expect(farewell.isClosing)
    #expect(channel.isActive)
    // Others are not even given it.
    try gone.wait()
    // The caller takes this for a call that was not sent, and tries another connection.
    #expect(throws: ChannelError.ioOnClosedChannel) { try exchange(over: channel).written.wait() }
    farewell.isAnswered = true
    _ = try channel.finish(acceptAlreadyClosed: true)
  }
}
