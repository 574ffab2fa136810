import NIOCore
import NIOHTTP2

/// Answers the PINGs of the peer below the HTTP/2 library.
///
/// Go peers send a PING with every call, and NIOHTTP2 ends a connection with more than 200 of them in 30 s as an attack, without a setting
/// to change that (FACTS.md 0.1). This handler sits between TLS and HTTP/2, answers the PINGs itself with a limit of its own and passes
/// everything else on. It can go when the transport lets us set `controlFrameRateLimit`.
///
/// Confined to its channel's event loop. State: the sieve, the budget, the answers not yet written.
final class PingShield: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Called on the event loop.
  struct Events {
    /// The peer's first HTTP/2 frame began: it accepted us.
    var firstFrame: () -> Void = {}
    var goAway: () -> Void = {}
    /// The peer pinged beyond the limit; the connection is being closed.
    var flood: () -> Void = {}
  }

  /// Answers of 17 bytes that may wait for a peer that does not read (CVE-2019-9512): 34 KiB.
  static let unwrittenLimit = 2000

  private var sieve: PingSieve
  private var budget: PingBudget?
  private let perSecond: Int
  private let events: Events
  private let now: () -> NIODeadline
  private var unwritten = 0
  private var isClosing = false

  init(expectsPreface: Bool, perSecond: Int, events: Events = Events(), now: @escaping () -> NIODeadline = NIODeadline.now) {
    sieve = PingSieve(expectsPreface: expectsPreface)
    self.perSecond = perSecond
    self.events = events
    self.now = now
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    let output = sieve.received(unwrapInboundIn(data))
    if output.sawFirstFrame { events.firstFrame() }
    if output.sawGoAway { events.goAway() }
    if !output.pings.isEmpty { answer(output.pings, context: context) }
    for buffer in output.passed where !isClosing {
      context.fireChannelRead(wrapInboundOut(buffer))
    }
  }

  private func answer(_ pings: [UInt64], context: ChannelHandlerContext) {
    let moment = now()
    var budget = budget ?? PingBudget(perSecond: perSecond, now: moment)
    let affordable = budget.take(pings.count, now: moment)
    self.budget = budget
    guard affordable, unwritten + pings.count <= Self.unwrittenLimit else {
      refuse(context: context)
      return
    }
    var buffer = context.channel.allocator.buffer(capacity: pings.count * 17)
    for data in pings { PingSieve.acknowledgement(of: data, into: &buffer) }
    unwritten += pings.count
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in bound.value.unwritten -= pings.count }
  }

  /// GOAWAY with ENHANCE_YOUR_CALM, as any HTTP/2 server would.
  private func refuse(context: ChannelHandlerContext) {
    isClosing = true
    events.flood()
    let buffer = PingSieve.goAway(.enhanceYourCalm, reason: "too_many_pings", allocator: context.channel.allocator)
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    context.close(promise: nil)
  }
}
