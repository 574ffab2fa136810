public import NIOCore

/// Lets a listener accept while the process has descriptors for its connections, and rest otherwise: whoever comes then waits in the
/// kernel's queue. Without it a listener that gets an error instead of a connection asks again at once, for ever.
///
/// A handler of the listening channel, one each, on its event loop, which alone touches `resumption`, `isOff` and `rests`. Goes with
/// `ChannelOptions.maxMessagesPerRead` 1, so that it is asked before every single connection.
public final class AcceptGate: ChannelDuplexHandler {
  public typealias InboundIn = any Channel
  public typealias InboundOut = any Channel
  public typealias OutboundIn = any Channel

  /// Why accepting rests.
  public enum Pause: Sendable, CustomStringConvertible {
    /// Hardly any are left of so many.
    case descriptors(limit: Int)
    /// The system gave an error instead of a connection.
    case system(IOError)

    public var description: String {
      switch self {
      case .descriptors(let limit): "descriptors are running out, \(limit) are allowed"
      case .system(let error): "\(error)"
      }
    }
  }

  private let paused: @Sendable (Pause) -> Void
  private var resumption: Scheduled<Void>?
  /// The channel has been told to stop asking the system.
  private var isOff = false
  private var rests = AcceptRests()

  /// - Parameter paused: told at every rest, on the listener's event loop.
  public init(paused: @escaping @Sendable (Pause) -> Void) {
    self.paused = paused
  }

  public func read(context: ChannelHandlerContext) {
    if resumption == nil { goOn(context) }
  }

  private func goOn(_ context: ChannelHandlerContext) {
    if DescriptorLimit.isNearlyReached {
      pause(context, .descriptors(limit: DescriptorLimit.current ?? 0))
    } else if isOff {
      turn(context, on: true)
    } else {
      context.read()
    }
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    rests.accepted()
    context.fireChannelRead(data)
  }

  public func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? IOError else { return context.fireErrorCaught(error) }
    // The errors of a connection that went before it was accepted are not of this kind: NIO keeps them to itself.
    guard resumption == nil else { return }
    // What NIO has begun to ask for it asks for until it gets a connection, at every turn of the loop.
    turn(context, on: false)
    pause(context, .system(error))
  }

  public func channelInactive(context: ChannelHandlerContext) {
    resumption?.cancel()
    context.fireChannelInactive()
  }

  private func pause(_ context: ChannelHandlerContext, _ reason: Pause) {
    paused(reason)
    resumption = context.eventLoop.assumeIsolated().scheduleTask(in: rests.next()) {
      self.resumption = nil
      self.goOn(context)
    }
  }

  private func turn(_ context: ChannelHandlerContext, on: Bool) {
    isOff = !on
    try? context.channel.syncOptions?.setOption(.autoRead, value: on)  // throws only when the channel is closed
  }
}

@available(*, unavailable)
extension AcceptGate: Sendable {}
