import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import JSONRPC

/// A server that says exactly what it is told to, whatever it is asked. The counters are behind their mutexes.
final class FakeServer: Sendable {
  enum Behaviour: Sendable {
    /// Answers each request with these bytes.
    case say(String)
    /// Answers with these bytes and ends the connection.
    case sayAndClose(String)
    /// Reads and never answers.
    case beSilent
  }

  private let connections = Mutex(0)
  var connectionCount: Int { connections.withLock { $0 } }

  private let requests = Mutex(0)
  /// Requests that have come: by then the client has its connections and waits for answers.
  var requestCount: Int { requests.withLock { $0 } }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    let behaviour: Behaviour
    let fake: FakeServer
    init(_ behaviour: Behaviour, of fake: FakeServer) {
      self.behaviour = behaviour
      self.fake = fake
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      // Requests of the tests fit into one segment; the end of the head is where one begins.
      guard String(buffer: unwrapInboundIn(data)).contains("POST ") else { return }
      fake.requests.withLock { $0 += 1 }
      switch behaviour {
      case .say(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
      case .sayAndClose(let text):
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        context.close(promise: nil)
      case .beSilent: break
      }
    }
  }

  static func with<T: Sendable>(_ behaviour: Behaviour, _ body: (JSONRPCClientConfiguration.Endpoint, FakeServer) async throws -> T)
    async throws -> T
  {
    let fake = FakeServer()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        fake.connections.withLock { $0 += 1 }
        return channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(behaviour, of: fake)) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    defer { channel.close(promise: nil) }
    return try await body(.http(host: "127.0.0.1", port: channel.localAddress?.port ?? 0, path: "/jsonrpc"), fake)
  }
}

func http(_ status: String, _ body: String, headers: String = "content-type: application/json\r\n") -> String {
  "HTTP/1.1 \(status)\r\n\(headers)content-length: \(body.utf8.count)\r\n\r\n\(body)"
}
