import GRPCCore
import HyperModel
import Logging
import NIOCore
import Operations
import Synchronization
import Trust

/// One `ServerCall` from its announcement to its end, at the server.
struct ServerCallVisit: Sendable {
  let order: ServerCallQueue.Order
  let peer: VerifiedPeer
  /// Which of the peer's nodes; nil when it does not say.
  let node: String?
  let limits: GRPCLimits
  let codec: MessageCodec
  let registry: StreamRegistry
  let metrics: CallMetrics
  let log: PeerLog
  let eventLoop: any EventLoop

  /// Runs until the peer leaves, the connection breaks or we end it; returns the status to end the stream with, never OK.
  func run(messages: RPCAsyncSequence<WireMessage, any Error>, writer: RPCWriter<WireMessage>) async -> RPCError {
    // The stream object comes into being with the announcement, which the reading task sees.
    let announced = AnnouncedStream()
    let reason = await withTaskGroup(of: RPCError?.self) { group in
      group.addTask { await read(messages, announced) }
      group.addTask { await write(to: writer, announced) }
      group.addTask {
        guard (try? await Task.sleep(for: limits.announcementTime)) != nil else { return nil }
        guard announced.isMissing else { return nil }
        return RPCError(code: .deadlineExceeded, message: "no announcement came")
      }
      var reason: RPCError?
      while reason == nil, let next = await group.next() { reason = next }
      group.cancelAll()
      return reason ?? RPCError(code: .unavailable, message: "the stream ended")
    }
    if let stream = announced.stream {
      registry.remove(stream)
      stream.end(reason)
      metrics.streams.decrement()
      log.note(.info, "stream closed", peer: stream.peer.text, ["reason": "\(shortenedMessage(reason.message))"])
    } else {
      log.note(.warning, "stream refused", peer: peer.title, ["reason": "\(shortenedMessage(reason.message))"])
    }
    announced.finish()
    return reason
  }

  private func read(_ messages: RPCAsyncSequence<WireMessage, any Error>, _ announced: AnnouncedStream) async -> RPCError {
    do {
      for try await message in messages {
        if let stream = announced.stream {
          take(message, stream)
        } else {
          try open(message, announced)
        }
      }
      return RPCError(code: .unavailable, message: "the peer ended the stream")
    } catch let error as RPCError {
      return error
    } catch {
      return RPCError(code: .unavailable, message: "the connection broke")
    }
  }

  private func open(_ message: WireMessage, _ announced: AnnouncedStream) throws(RPCError) {
    let name = try announcedName(message)
    let stream = ServerCallStream(peer: name, node: node, order: order, limits: limits, eventLoop: eventLoop)
    guard registry.register(stream) else { throw RPCError(code: .unavailable, message: "the node is stopping") }
    metrics.streams.increment()
    log.note(.info, "stream open", peer: name.text, ["concurrency": "\(order.description)"])
    announced.set(stream)
  }

  /// PROTOCOL.md 7.3, step 2.
  private func announcedName(_ message: WireMessage) throws(RPCError) -> OperatorName {
    let response: CallResponse
    do {
      response = try codec.response(message)
    } catch {
      throw RPCError(code: .unknown, message: error.message)
    }
    guard case .result(let result?) = response.outcome, let text = result["name"]?.string else {
      throw RPCError(code: .unknown, message: "the announcement names no operator")
    }
    let name = OperatorName(text)
    guard peer.names.contains(name) else {
      throw RPCError(code: .unknown, message: "announced name \"\(shortened(text))\" is not a verified name of this connection")
    }
    return name
  }

  private func take(_ message: WireMessage, _ stream: ServerCallStream) {
    // A message that cannot be read still takes its place in order; with ids it belongs to nobody.
    let id: String
    do throws(MessageCodec.Failure) {
      id = try codec.responseID(message)
    } catch {
      id = ""
      log.note(.warning, "malformed answer", peer: stream.peer.text, ["reason": "\(error.message)"])
    }
    switch stream.received(message, id: id) {
    case .answers: break
    case .late: log.note(.debug, "late answer", peer: stream.peer.text, ["id": "\(shortened(id))"])
    case .unexpected: log.note(.debug, "answer to nothing", peer: stream.peer.text, ["id": "\(shortened(id))"])
    }
  }

  private func write(to writer: RPCWriter<WireMessage>, _ announced: AnnouncedStream) async -> RPCError? {
    guard let stream = await announced.wait() else { return nil }
    return await withTaskGroup(of: RPCError?.self) { group in
      group.addTask {
        do {
          for await _ in stream.outgoing {
            while let message = stream.nextUnsent() { try await writer.write(message) }
          }
          return stream.endReason ?? RPCError(code: .unavailable, message: "the stream ended")
        } catch {
          return RPCError(code: .unavailable, message: "the connection broke")
        }
      }
      // Writing waits for a peer that does not read.
      group.addTask {
        await stream.ended.wait()
        return stream.endReason
      }
      let reason = await group.next() ?? nil
      group.cancelAll()
      return reason
    }
  }
}

/// Hands the stream from the task that reads the announcement to the one that writes. Set at most once, behind its mutex.
private final class AnnouncedStream: Sendable {
  private let held = Mutex<ServerCallStream?>(nil)
  private let arrival = AsyncStream<ServerCallStream>.makeStream(bufferingPolicy: .bufferingOldest(1))

  var stream: ServerCallStream? { held.withLock { $0 } }
  var isMissing: Bool { stream == nil }

  func set(_ stream: ServerCallStream) {
    held.withLock { $0 = stream }
    arrival.continuation.yield(stream)
  }

  func finish() { arrival.continuation.finish() }

  /// Nil when the task was cancelled before there was one.
  func wait() async -> ServerCallStream? {
    for await stream in arrival.stream { return stream }
    return nil
  }
}

extension ServerCallQueue.Order: CustomStringConvertible {
  var description: String {
    switch self {
    case .inOrder: "1"
    case .matched(let limit): "\(limit)"
    }
  }
}
