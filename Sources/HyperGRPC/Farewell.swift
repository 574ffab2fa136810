import NIOCore
import NIOHTTP2

/// Ends an accepted connection that has reached its age or carries no calls: asks the peer to open no more, and closes it a while later.
///
/// The notice is a GOAWAY with the highest possible stream number, behind which calls that are on their way are still taken (RFC 9113, 6.8). The
/// transport can say goodbye too and would lose them: NIOHTTP2 takes none from the moment it sends a GOAWAY itself, whatever the number, so the
/// notice goes past it. This can go when NIOHTTP2 accepts streams up to the number it has named.
///
/// Stands behind the HTTP/2 handler; the listener tells it of streams, because that handler does not. Confined to its channel's event loop. State: the
/// number of open streams, and the timers.
final class Farewell: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  typealias InboundOut = HTTP2Frame

  struct Times {
    /// From the beginning to the notice.
    var age: Duration
    /// Without an open stream, to the notice.
    var idle: Duration
    /// From the notice to the end of the connection, if the peer has not ended it.
    var grace: Duration
  }

  private let times: Times
  private let onUnanswered: () -> Void
  private var openStreams = 0
  /// Since when no stream is open; only then of meaning.
  private var idleSince = NIODeadline.uptimeNanoseconds(0)
  private var ageTimer: Scheduled<Void>?
  /// Runs while there is no notice, also over short calls, and looks again when it was too early.
  private var idleTimer: Scheduled<Void>?
  private var endTimer: Scheduled<Void>?

  /// - Parameter onUnanswered: called on the event loop before a connection is closed that the peer kept without a call.
  init(_ times: Times, onUnanswered: @escaping () -> Void) {
    self.times = times
    self.onUnanswered = onUnanswered
  }

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { begin(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    if ageTimer == nil { begin(context) }
    context.fireChannelActive()
  }

  /// The peer has opened a stream of the connection; on the event loop of both.
  func opened(_ stream: any NIOCore.Channel) {
    openStreams += 1
    stream.closeFuture.assumeIsolated().whenComplete { _ in
      self.openStreams -= 1
      if self.openStreams == 0 { self.idleSince = stream.eventLoop.now }
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    for timer in [ageTimer, idleTimer, endTimer] { timer?.cancel() }
  }

  private func begin(_ context: ChannelHandlerContext) {
    idleSince = context.eventLoop.now
    ageTimer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(times.age)) { self.sayGoodbye(context) }
    lookForIdleness(context, at: idleSince + TimeAmount(times.idle))
  }

  private func lookForIdleness(_ context: ChannelHandlerContext, at moment: NIODeadline) {
    idleTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: moment) {
      let now = context.eventLoop.now
      let due = (self.openStreams == 0 ? self.idleSince : now) + TimeAmount(self.times.idle)
      if due > now { self.lookForIdleness(context, at: due) } else { self.sayGoodbye(context) }
    }
  }

  private func sayGoodbye(_ context: ChannelHandlerContext) {
    // Both timers may be due in one turn of the loop.
    guard endTimer == nil else { return }
    for timer in [ageTimer, idleTimer] { timer?.cancel() }
    // Without the handler the connection is about to end anyway.
    let http2 = try? context.pipeline.syncOperations.context(handlerType: NIOHTTP2Handler.self)
    http2?.writeAndFlush(NIOAny(PingSieve.goAway(.noError, allocator: context.channel.allocator)), promise: nil)
    endTimer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(times.grace)) {
      if self.openStreams == 0 { self.onUnanswered() }
      context.close(promise: nil)
    }
  }
}
