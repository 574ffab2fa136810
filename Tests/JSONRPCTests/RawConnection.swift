import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import JSONRPC

/// A connection that sends exactly the bytes it is told to and shows exactly what comes back. Cut after `limit`, so no test hangs.
struct RawConnection {
  let channel: any NIOCore.Channel
  private let inbound: Iterator

  private typealias Wrapped = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  static let limit = TimeAmount.minutes(4)

  private final class Iterator {
    nonisolated(unsafe) var stream: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    var rest = ""
    init(_ stream: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) { self.stream = stream }
  }

  static func open<T: Sendable>(
    _ address: ListenAddress, tls: TLSConfiguration? = nil, _ body: (RawConnection) async throws -> T
  ) async throws -> T {
    let context = try tls.map { configuration in
      // These tests are about the server's judgement, not the client's.
      var configuration = configuration
      configuration.certificateVerification = .noHostnameVerification
      return try NIOSSLContext(configuration: configuration)
    }
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
    let initializer: @Sendable (any NIOCore.Channel) -> EventLoopFuture<Wrapped> = { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(SocketEnd())
        if let context {
          try channel.pipeline.syncOperations.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: nil) { _, promise in promise.succeed(.certificateVerified) })
        }
        return try Wrapped(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
      }
    }
    let wrapped =
      switch address {
      case .tcp(let host, let port): try await bootstrap.connect(host: host, port: port, channelInitializer: initializer)
      case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: initializer)
      }
    let channel = wrapped.channel
    let cut = channel.eventLoop.scheduleTask(in: limit) { channel.triggerUserOutboundEvent(AbortConnection(), promise: nil) }
    defer { cut.cancel() }
    return try await wrapped.executeThenClose { inbound, _ in
      let result = try await body(RawConnection(channel: channel, inbound: Iterator(inbound.makeAsyncIterator())))
      channel.triggerUserOutboundEvent(AbortConnection(), promise: nil)
      return result
    }
  }

  func send(_ text: String) async throws {
    try await channel.writeAndFlush(ByteBuffer(string: text)).get()
  }

  func send(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
  }

  /// Ends our sending side; with TLS by its farewell.
  func finishSending() async throws {
    try await channel.close(mode: .output).get()
  }

  /// Ends our sending side of the socket alone, without a word from TLS.
  func finishSocket() async throws {
    let channel = channel
    try await channel.eventLoop.submit {
      try channel.pipeline.syncOperations.context(handlerType: SocketEnd.self).close(mode: .output, promise: nil)
    }.get()
  }

  /// Everything until the other side ends.
  func readToEnd() async throws -> String {
    var text = inbound.rest
    inbound.rest = ""
    do {
      while let piece = try await inbound.stream.next() { text += String(buffer: piece) }
    } catch {
      // A reset after the text is an end as well.
    }
    return text
  }

  /// How many bytes come until the other side ends.
  func countToEnd() async throws -> Int {
    var count = inbound.rest.utf8.count
    while let piece = try await inbound.stream.next() { count += piece.readableBytes }
    return count
  }

  /// One answer with its announced length; nil when the connection ended first.
  func readAnswer() async throws -> (status: Int, head: String, body: String)? {
    while true {
      if let end = inbound.rest.range(of: "\r\n\r\n") {
        let head = String(inbound.rest[..<end.lowerBound])
        let body = inbound.rest[end.upperBound...]
        let length =
          head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst("content-length:".count).trimmingPrefix(" ")) } ?? 0
        if body.utf8.count >= length {
          let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
          let text = String(decoding: body.utf8.prefix(length), as: UTF8.self)
          inbound.rest = String(decoding: body.utf8.dropFirst(length), as: UTF8.self)
          return (status, head, text)
        }
      }
      guard let piece = try await inbound.stream.next() else { return nil }
      inbound.rest += String(buffer: piece)
    }
  }
}

extension String {
  fileprivate func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}

/// A POST with a JSON body.
func post(_ body: String, path: String = "/jsonrpc", headers: String = "content-type: application/json\r\n") -> String {
  "POST \(path) HTTP/1.1\r\nhost: x\r\n\(headers)content-length: \(body.utf8.count)\r\n\r\n\(body)"
}

func call(_ method: String, id: String = "1", params: String = "{}") -> String {
  #"{"jsonrpc":"2.0","method":"\#(method)","params":\#(params),"id":\#(id)}"#
}
