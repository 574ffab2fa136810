public import NIOCore
import NIOHTTP1

/// The body of one request, read by its handler piece by piece.
///
/// Not sendable: it belongs to the connection's task, and is of no use after the handler returned.
public final class HTTPBody {
  /// What the client announced; nil when it did not.
  public let announcedLength: Int?
  private let parts: RequestParts
  private let allowClient: (() -> Void)?
  private var mayAskClient: Bool
  private(set) var isAtEnd = false

  /// - Parameter allowClient: sends `100 Continue` to a client that waits for it; called before the first read.
  init(announcedLength: Int?, parts: RequestParts, allowClient: (() -> Void)?) {
    self.announcedLength = announcedLength
    self.parts = parts
    self.allowClient = allowClient
    mayAskClient = allowClient != nil
  }

  /// Whether the client still waits to be told that it may send.
  var isAwaited: Bool { mayAskClient }

  /// The next piece; nil at the end.
  ///
  /// - Throws: `HTTPBodyError.incomplete` when the connection ended, or was closed for its slowness, before the body was whole.
  public func next() async throws(HTTPBodyError) -> ByteBuffer? {
    if isAtEnd { return nil }
    if mayAskClient {
      mayAskClient = false
      allowClient?()
    }
    switch await parts.next() {
    case .part(.body(let bytes)): return bytes
    case .part(.end):
      isAtEnd = true
      return nil
    case .part(.head), .broken, .ended:
      isAtEnd = true
      throw .incomplete
    }
  }

  /// The whole body.
  ///
  /// - Throws: `HTTPBodyError.tooLarge` as soon as more than `limit` bytes are announced or have arrived, `.incomplete` as `next()`.
  public func collect(upTo limit: Int) async throws(HTTPBodyError) -> [UInt8] {
    if let announcedLength, announcedLength > limit { throw .tooLarge(limit: limit) }
    var bytes: [UInt8] = []
    // The announced length was not sent yet: memory is taken as bytes arrive.
    while let piece = try await next() {
      guard bytes.count + piece.readableBytes <= limit else { throw .tooLarge(limit: limit) }
      bytes.append(contentsOf: piece.readableBytesView)
    }
    return bytes
  }
}

/// Why a body could not be had.
public enum HTTPBodyError: Error, Hashable, Sendable {
  case tooLarge(limit: Int)
  case incomplete
}

/// The parts of a connection's requests, in order. Belongs to the connection's task.
final class RequestParts {
  enum Next {
    case part(HTTPServerRequestPart)
    /// The client closed its sending side, or the connection is gone.
    case ended
    case broken(any Error)
  }

  private let inbox: NIOLoopBound<RequestInbox>
  /// What was fetched and not asked for yet, the next one last.
  private var fetched: [HTTPServerRequestPart] = []

  init(_ inbox: NIOLoopBound<RequestInbox>) {
    self.inbox = inbox
  }

  /// Whether there is something to take without waiting for the client.
  func haveCome() async -> Bool {
    if !fetched.isEmpty { return true }
    let inbox = inbox
    // Fails only when the loop has stopped, and nothing comes any more.
    return (try? await inbox.eventLoop.submit { inbox.value.hasParts }.get()) ?? false
  }

  func next() async -> Next {
    if let part = fetched.popLast() { return .part(part) }
    do {
      let inbox = inbox
      switch try await inbox.eventLoop.flatSubmit({ inbox.value.next(on: inbox.eventLoop) }).get() {
      case .parts(let parts):
        fetched = parts.reversed()
        return fetched.popLast().map(Next.part) ?? .ended
      case .ended: return .ended
      case .broken(let error): return .broken(error)
      }
    } catch {
      return .broken(error)
    }
  }
}
