import Announcements
import HyperModel
import JSONRPC
import Logging
import Operations
import ServiceLifecycle
import Synchronization
import Wiring

/// Keeps the public proxies informed: announces everything at start, when a public proxy comes back, and again and again in between.
///
/// One child task per public proxy, so that a slow one delays nobody else. `state` is protected by its mutex.
final class Announcer: Service, Sendable {
  private struct State {
    /// Public proxies that have a child task.
    var followed: Set<OperatorName> = []
    /// Those that have accepted everything once.
    var settled: Set<OperatorName> = []
    /// Why the last attempt at a public proxy failed; absent while it succeeds.
    var trouble: [OperatorName: String] = [:]
  }

  /// How often a settled public proxy hears everything again (DESIGN.md 4), with `jitter`.
  static let interval: Duration = .seconds(30)
  static let jitter = 0.2
  /// Each attempt ends after this (DESIGN.md 4).
  static let attemptTimeout: Duration = .seconds(2)

  private let book: OutgoingBook
  private let node: NodeLink
  private let logger: Logger
  /// Opens when every static announcement has been accepted by its public proxy.
  let settled = Latch()
  private let accepted: Counter
  private let refused: Counter
  private let failed: Counter
  private let state = Mutex(State())
  private let (newcomers, newcomer) = AsyncStream<OperatorName>.makeStream(bufferingPolicy: .bufferingNewest(1024))

  init(book: OutgoingBook, node: NodeLink, logger: Logger, metrics: MetricsRegistry) {
    self.book = book
    self.node = node
    self.logger = logger
    let help = "Announcement calls to public proxies, by outcome."
    accepted = metrics.counter("hyper_announce_calls_total", help: help, labels: ["outcome": "accepted"])
    refused = metrics.counter("hyper_announce_calls_total", help: help, labels: ["outcome": "refused"])
    failed = metrics.counter("hyper_announce_calls_total", help: help, labels: ["outcome": "failed"])
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        let first = self.book.proxies()
        for proxy in first { self.follow(proxy, in: &group) }
        if self.book.staticProxies.isEmpty { self.settled.open() }
        for await proxy in self.newcomers { self.follow(proxy, in: &group) }
        group.cancelAll()
      }
    }
  }

  /// Forwards one announcement at once, for a caller who waits for the answer.
  ///
  /// - Throws: the public proxy's refusal as it came, −32603 with the reason when no answer came. The announcement stays stored and is sent again.
  func announceNow(_ announcement: AnnouncementRequest, at proxy: OperatorName) async throws(CallFault) {
    newcomer.yield(proxy)
    let outcome: CallResponse.Outcome
    do {
      outcome = try await node.call(proxy, "announceConnections", params: Self.params([announcement]), timeout: Self.attemptTimeout)
    } catch {
      throw CallFault(code: -32603, message: "stored, but '\(proxy)' could not be told yet: \(error.message)")
    }
    switch outcome {
    case .fault(let fault): throw fault
    case .result(let result):
      if let fault = Self.refusals(in: result, of: [announcement]).first?.fault { throw fault }
    }
  }

  private func follow(_ proxy: OperatorName, in group: inout DiscardingTaskGroup) {
    guard state.withLock({ $0.followed.insert(proxy).inserted }) else { return }
    group.addTask {
      var backoff = Backoff()
      while !Task.isCancelled {
        let pause = await self.announceAll(at: proxy, &backoff)
        try? await Task.sleep(for: pause)  // cancelled: the loop ends
      }
    }
  }

  /// One attempt; returns how long to wait before the next.
  private func announceAll(at proxy: OperatorName, _ backoff: inout Backoff) async -> Duration {
    let items = book.pending(at: proxy)
    guard !items.isEmpty else {
      settle(proxy)
      return Self.interval
    }
    do {
      switch try await node.call(proxy, "announceConnections", params: Self.params(items), timeout: Self.attemptTimeout) {
      case .fault(let fault):
        return retry(proxy, "error \(fault.code): \(fault.message)", after: Self.failureKind(of: fault), &backoff)
      case .result(let result):
        let refusals = Self.refusals(in: result, of: items)
        guard refusals.isEmpty else {
          let words = refusals.map { "'\($0.domain)': \($0.fault.code) \($0.fault.message)" }.joined(separator: "; ")
          return retry(proxy, words, after: .refused, &backoff)
        }
        noteAccepted(items.count, at: proxy)
        backoff.reset()
        return Self.interval * Double.random(in: 1 - Self.jitter...1 + Self.jitter)
      }
    } catch {
      if Task.isCancelled { return .zero }
      return retry(proxy, error.message, after: error.failureKind, &backoff)
    }
  }

  /// What an error answer says about when to come again. 500 and 1 are a node's words for "could not be delivered": somebody on the way is
  /// away and will probably be back soon, so the answer that the node gave counts as none.
  static func failureKind(of fault: CallFault) -> Backoff.FailureKind {
    switch fault.code {
    case 403: .refused
    case 1, 500: .unreachable
    default: .failedAfterAccept
    }
  }

  private func retry(_ proxy: OperatorName, _ reason: String, after kind: Backoff.FailureKind, _ backoff: inout Backoff) -> Duration {
    (kind == .refused ? refused : failed).increment()
    let isNews = state.withLock { $0.trouble.updateValue(reason, forKey: proxy) } != reason
    let pause = backoff.next(after: kind)
    if isNews {
      logger.warning("announcements not accepted", metadata: ["at": "\(proxy)", "reason": "\(reason)", "again_in": "\(pause)"])
    }
    return pause
  }

  private func noteAccepted(_ count: Int, at proxy: OperatorName) {
    accepted.increment()
    let isNews = state.withLock { state in
      let hadTrouble = state.trouble.removeValue(forKey: proxy) != nil
      return hadTrouble || !state.settled.contains(proxy)
    }
    if isNews { logger.info("announcements accepted", metadata: ["at": "\(proxy)", "count": "\(count)"]) }
    settle(proxy)
  }

  private func settle(_ proxy: OperatorName) {
    let isComplete = state.withLock { state in
      state.settled.insert(proxy)
      return state.settled.isSuperset(of: book.staticProxies)
    }
    if isComplete { settled.open() }
  }

  // MARK: Wire

  private static func params(_ items: [AnnouncementRequest]) -> [String: JSONValue] {
    let list = items.map { item -> JSONValue in
      ["domain": .string(item.domain), "expires_at": item.expiresAt.map { .string(RFC3339.format($0)) } ?? .null]
    }
    return ["connections": .array(list)]
  }

  /// The items that the public proxy did not take. A result that is no list of the same length is held against all of them.
  static func refusals(in result: JSONValue?, of items: [AnnouncementRequest]) -> [(domain: String, fault: CallFault)] {
    guard let list = result?.array, list.count == items.count else {
      return items.map { ($0.domain, CallFault(code: -32603, message: "the answer is not a list with one element per announcement")) }
    }
    return zip(items, list).compactMap { item, answer in
      guard !answer.isNull else { return nil }
      let code = answer["code"]?.integer.map(Int.init) ?? -32603
      return (item.domain, CallFault(code: code, message: answer["message"]?.string ?? "refused without a reason", data: answer["data"]))
    }
  }
}
