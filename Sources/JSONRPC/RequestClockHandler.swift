import NIOCore
import NIOHTTP1

/// Steps the `RequestClock` of one connection and carries out its verdicts. Sits behind the HTTP codec; runs on the event loop alone.
final class RequestClockHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private var clock: RequestClock
  private var alarm: (at: UInt64, task: Scheduled<Void>)?
  /// Set by a drain and by an expiry: from then on the only thing due is the cut.
  private var isEnding = false
  private let farewellTime: TimeAmount
  private let onExpiry: (RequestClock.Cause) -> Void

  /// - Parameter farewellTime: how long the farewell to an idle client may take to be sent when the server stops.
  init(_ limits: RequestClock.Limits, farewellTime: TimeAmount, onExpiry: @escaping (RequestClock.Cause) -> Void) {
    clock = RequestClock(limits, now: Self.now)
    self.farewellTime = farewellTime
    self.onExpiry = onExpiry
  }

  private static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

  func handlerAdded(context: ChannelHandlerContext) {
    look(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    alarm?.task.cancel()
    alarm = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let now = Self.now
    switch unwrapInboundIn(data) {
    case .head: clock.headArrived(now: now)
    case .body: clock.bodyArrived(now: now)
    case .end: clock.requestEnded(now: now)
    }
    look(context)
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let isEnd = if case .end = unwrapOutboundIn(data) { true } else { false }
    // A part that nobody waits for travels with the next one, which is watched.
    guard promise != nil || isEnd else { return context.write(data, promise: nil) }
    let now = Self.now
    clock.writeBegan(now: now)
    if isEnd { clock.answerEnded(now: now) }
    let written = promise ?? context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { _ in
      self.clock.writeEnded(now: Self.now)
      self.look(context)
    }
    look(context)
    context.write(data, promise: written)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is DrainConnection else {
      context.fireUserInboundEventTriggered(event)
      return
    }
    guard clock.drain() == .closeNow, !isEnding else { return }
    isEnding = true
    alarm?.task.cancel()
    let abort = { context.triggerUserOutboundEvent(AbortConnection(), promise: nil) }
    alarm = (0, context.eventLoop.assumeIsolated().scheduleTask(in: farewellTime, abort))
    // Our farewell is sent and the end of the stream behind it; nothing is owed to the client, so its own farewell is not waited for: many
    // an idle client looks at its connection only when it needs it again.
    let sent = context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete { _ in abort() }
    context.close(mode: .output, promise: sent)
  }

  /// Sets the alarm for what is due next. An alarm that is too early is left alone: it looks again when it rings.
  private func look(_ context: ChannelHandlerContext) {
    if isEnding { return }
    switch clock.verdict(now: Self.now) {
    case .rest: break
    case .close(let cause):
      // What fails because of the cut looks at the clock once more.
      isEnding = true
      onExpiry(cause)
      context.triggerUserOutboundEvent(AbortConnection(), promise: nil)
    case .wait(let time):
      if let alarm, alarm.at <= time { return }
      alarm?.task.cancel()
      let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(time)) {
        self.alarm = nil
        self.look(context)
      }
      alarm = (time, task)
    }
  }
}
