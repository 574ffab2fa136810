import GRPCCore
import GRPCNIOTransportHTTP2Posix
import HyperModel
import NIOCore
import Operations
import Synchronization
import Trust

/// One connection to a peer that dialled and verified: carries our `Call`s and, to a peer that needs it, our `ServerCall`.
///
/// It never reconnects; ``PeerLink`` makes a new one. `reason` is the only mutable state, behind its mutex.
final class ClientConnection: Sendable {
  let peer: VerifiedPeer
  /// The peer takes no new streams; those that are open may finish.
  let goAway: Flag
  /// The connection is over; `endReason` says why.
  let ended = Flag()

  private let client: GRPCClient<HTTP2ClientTransport.WrappedChannel>
  private let channel: any NIOCore.Channel
  /// The channel is closed, or being closed from whatever side; `ended` follows.
  private let channelCloses: Flag
  private let limits: GRPCLimits
  private let clock = DeadlineClock()
  private let closing = Flag()
  /// The stream is to move to another connection; `streamEnded` says that it has left this one.
  private let leaving = Flag()
  private let streamEnded = Flag()
  /// The server carries several requests at once, so it is one of ours.
  private let offerTaken = Flag()
  /// Of the stream that runs now: what a stream has not answered when it ends, no other one answers.
  private let openRequests = Mutex(OpenRequests())
  /// The transport has carried something, so it is ready.
  private let isUsable = Flag()
  private let reason = Mutex(DialFailure(.unreachable, "the connection closed"))

  /// Between the end of a stream and its reopening, so that the peer has noticed the end.
  private static let reopenPause: Duration = .seconds(1)
  /// Between the end of the stream on the old connection and its opening on the new one: their packets may overtake each other.
  private static let movingPause: Duration = .milliseconds(100)

  init(
    transport: HTTP2ClientTransport.WrappedChannel, channel: any NIOCore.Channel, peer: VerifiedPeer, goAway: Flag, channelCloses: Flag,
    limits: GRPCLimits
  ) {
    client = GRPCClient(transport: transport)
    self.channel = channel
    self.peer = peer
    self.goAway = goAway
    self.channelCloses = channelCloses
    self.limits = limits
  }

  var endReason: DialFailure { reason.withLock { $0 } }

  /// False once the peer, or we, said goodbye.
  var takesCalls: Bool { !goAway.isRaised && !channelCloses.isRaised && !ended.isRaised && !closing.isRaised }

  /// Ends the connection: the stream at once, calls in flight within `closingTime`.
  func close() { closing.raise() }

  /// Runs the connection to its end: until it breaks, `close` is called, or its stream ends before the peer has said goodbye.
  ///
  /// - Parameter stream: our `ServerCall`, if the peer needs one.
  /// - Parameter reopens: open the stream once more later, unless the server takes our offer (PROTOCOL.md 19, rule 7).
  /// - Parameter predecessor: has our stream now, which moves here.
  func run(stream: ServerCallClient?, reopens: Bool, after predecessor: ClientConnection? = nil) async {
    await withTaskGroup(of: DialFailure?.self) { group in
      group.addTask { [client] in
        // How a connection breaks is told by its stream and its calls; the transport has no more to say.
        try? await client.runConnections()
        return nil
      }
      group.addTask { [closing] in
        await closing.wait()
        return nil
      }
      if let stream {
        group.addTask {
          await predecessor?.giveStreamUp()
          return await self.keep(stream, reopens: reopens)
        }
      }
      if let failure = await group.next() ?? nil { reason.withLock { $0 = failure } }
      closing.raise()
      // Before the transport is ready, a graceful shutdown would leave the calls that wait for it waiting for ever.
      if isUsable.isRaised { client.beginGracefulShutdown() } else { channel.close(promise: nil) }
      _ = await closed.wait(atMost: limits.closingTime, on: channel.eventLoop)
      channel.close(promise: nil)
      group.cancelAll()
      for await failure in group {
        if let failure { reason.withLock { $0 = failure } }
      }
    }
    ended.raise()
  }

  private var closed: Flag {
    let flag = Flag()
    channel.closeFuture.whenComplete { _ in flag.raise() }
    return flag
  }

  /// Ends the stream before another connection gets it: the deployed servers take the late end of an old stream for the end of the new one. A server
  /// that takes our offer does not, and gets the new stream first.
  private func giveStreamUp() async {
    guard !offerTaken.isRaised else { return }
    // What is being answered ends at the latest with the stream.
    let overdue = Flag()
    let timer = channel.eventLoop.scheduleTask(in: TimeAmount(limits.callTime)) { overdue.raise() }
    await Flag.waitForAny([openRequests.withLock { $0 }.none(), streamEnded, overdue])
    timer.cancel()
    leaving.raise()
    await streamEnded.wait()
    _ = await closing.wait(atMost: Self.movingPause, on: channel.eventLoop)
  }

  /// Runs the stream; nil when we ended it ourselves.
  private func keep(_ stream: ServerCallClient, reopens: Bool) async -> DialFailure? {
    defer { streamEnded.raise() }
    let reopening = Flag()
    var timer: Scheduled<Void>?
    if reopens {
      timer = channel.eventLoop.scheduleTask(in: TimeAmount(limits.reopenTime)) { [offerTaken] in
        if !offerTaken.isRaised { reopening.raise() }
      }
    }
    defer { timer?.cancel() }
    var failure = await run(stream, until: [closing, leaving, reopening])
    if failure == nil, reopening.isRaised, !closing.isRaised, !leaving.isRaised {
      _ = await closing.wait(atMost: Self.reopenPause, on: channel.eventLoop)
      failure = closing.isRaised ? nil : await run(stream, until: [closing, leaving])
    }
    // The stream has moved, or is about to: the connection goes on with the calls it has.
    if leaving.isRaised || goAway.isRaised {
      streamEnded.raise()
      await closing.wait()
    }
    return failure
  }

  /// Nil when one of the flags ended it.
  private func run(_ stream: ServerCallClient, until flags: [Flag]) async -> DialFailure? {
    let open = OpenRequests()
    openRequests.withLock { $0 = open }
    return await withTaskGroup(of: DialFailure?.self) { group in
      group.addTask { [client, isUsable, offerTaken] in
        await stream.run(on: client, isUsable: isUsable, offerTaken: offerTaken, open: open)
      }
      group.addTask {
        await Flag.waitForAny(flags)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
  }

  /// One `Call` (PROTOCOL.md 7.2). No timeout goes with it: the transport would set a timer for each call at both ends, and a call that is given
  /// up is reset anyway.
  /// - Throws: `RPCError`, also when the deadline passes or the connection breaks; `RuntimeError` when it has ended before.
  func call(_ message: WireMessage, deadline: ContinuousClock.Instant) async throws -> WireMessage {
    let answer = try await clock.run(until: deadline) { try await self.call(message) }
    guard let answer else { throw RPCError(code: .deadlineExceeded, message: "no answer in time") }
    return answer
  }

  private func call(_ message: WireMessage) async throws -> WireMessage {
    var options = CallOptions.defaults
    options.maxResponseMessageBytes = limits.messageSize
    return try await client.unary(
      request: ClientRequest(message: message), descriptor: HXHyper.Method.Call.descriptor, serializer: WireMessageSerializer(),
      deserializer: WireMessageDeserializer(), options: options
    ) { [isUsable] response in
      isUsable.raise()
      return try response.message
    }
  }
}
