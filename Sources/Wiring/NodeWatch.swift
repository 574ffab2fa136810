import HyperModel
import JSONRPC
public import Logging
import Operations
public import ServiceLifecycle

/// Follows the connections of the own node: one question that the node answers when something changes, again and again.
///
/// A node of the reference does not know the question. Then nothing is known, which is told once.
public struct NodeWatch: Service {
  /// How long the node waits for a change before it answers all the same.
  static let wait = 10
  /// The answer's way, besides.
  static let timeout: Duration = .seconds(wait + 4)
  /// After news the node is not asked again for this long: while many come and go, each answer has all of them.
  static let pauseAfterNews: Duration = .milliseconds(50)
  /// A node that answers at once although nothing has changed is stopping.
  static let pauseWithoutNews: Duration = .milliseconds(500)
  /// How often a node is asked again that did not know the question: it may have been replaced.
  static let unknownInterval: Duration = .seconds(60)

  private let link: NodeLink
  private let logger: Logger
  private let changed: @Sendable (NodeView?) async -> Void

  /// - Parameter changed: called with the first view and with every other one; with nil when the node cannot say. The next question waits
  ///   for it, so it must be quick.
  public init(link: NodeLink, logger: Logger, changed: @escaping @Sendable (NodeView?) async -> Void) {
    self.link = link
    self.logger = logger
    self.changed = changed
  }

  private enum Answer {
    case view(NodeView)
    case unknown
    case failed(Backoff.FailureKind, String)
  }

  public func run() async throws {
    await cancelWhenGracefulShutdown {
      var known: NodeView?
      var isTold = false
      var backoff = Backoff()
      while !Task.isCancelled {
        let start = ContinuousClock.now
        switch await ask(after: known) {
        case .view(let view):
          backoff.reset()
          if view != known {
            await changed(view)
            await pause(Self.pauseAfterNews)
          } else if start.duration(to: .now) < .seconds(Self.wait) / 2 {
            await pause(Self.pauseWithoutNews)
          }
          (known, isTold) = (view, true)
        case .unknown:
          if known != nil || !isTold {
            logger.info("the own node does not tell who is connected")
            await changed(nil)
          }
          (known, isTold) = (nil, true)
          await pause(Self.unknownInterval)
        case .failed(let kind, let reason):
          if Task.isCancelled { return }
          logger.debug("connections of the own node not known", metadata: ["reason": "\(reason)"])
          // The node that comes back counts anew.
          known?.version = 0
          await pause(backoff.next(after: kind))
        }
      }
    }
  }

  private func ask(after known: NodeView?) async -> Answer {
    let params: [String: JSONValue] = ["after": .integer(known?.version ?? 0), "wait": .integer(Int64(Self.wait))]
    do {
      switch try await link.call(link.ownName, "_connections", params: params, timeout: Self.timeout) {
      case .result(let result): return NodeView(result).map { .view($0) } ?? .unknown
      case .fault(let fault) where [1, 500].contains(fault.code): return .failed(.unreachable, fault.message)
      case .fault: return .unknown
      }
    } catch {
      return .failed(error.failureKind, error.message)
    }
  }

  private func pause(_ time: Duration) async {
    try? await Task.sleep(for: time)  // cancelled: the loop ends
  }
}
