import Announcements
import HyperModel
import JSONRPC
import Logging
import Operations
import ServiceLifecycle
import Synchronization
import Wiring

import struct Foundation.Date

/// Keeps the public proxies informed: announces everything at start, when a public proxy comes back or asks, when an internal server goes or
/// comes back, and again and again in between. On a clean stop it says so.
///
/// One child task per public proxy, so that a slow one delays nobody else. `state` is protected by its mutex.
final class Announcer: Service, Sendable {
  /// What belongs to one public proxy: calls to it take turns, so that none overtakes what it was made from.
  private final class Follower: Sendable {
    let bell = Bell()
    let turn = Turnstile()
  }

  private struct State {
    var followers: [OperatorName: Follower] = [:]
    /// Those of them that have a child task.
    var followed: Set<OperatorName> = []
    /// Those that have accepted everything once.
    var settled: Set<OperatorName> = []
    /// Why the last attempt at a public proxy failed; absent while it succeeds.
    var trouble: [OperatorName: String] = [:]
    /// The names that a public proxy did not take, the last time it was told.
    var refusals: [OperatorName: [String: CallFault]] = [:]
    /// What the own node says; nil when it does not tell.
    var view: NodeView?
    /// Which start of the program speaks, and how many calls it has made.
    var run = Announcer.freshRun
    var calls: Int64 = 0
    /// The last call to each public proxy.
    var lastOrders: [OperatorName: CallOrder] = [:]
    /// Those that may know of names of ours.
    var told: Set<OperatorName> = []

    mutating func nextOrder(to proxy: OperatorName) -> CallOrder {
      calls += 1
      let order = CallOrder(run: run, number: calls)
      lastOrders[proxy] = order
      return order
    }
  }

  /// How often a settled public proxy hears everything again (DESIGN.md 4), with `jitter`.
  static let interval: Duration = .seconds(30)
  /// The same behind a node of the reference, which opens a connection for every call.
  static let referenceInterval: Duration = .seconds(600)
  static let jitter = 0.2
  /// How long a call may take.
  struct Patience {
    /// An attempt to tell everything (DESIGN.md 4), and after those that were not answered in time, each twice as long as the one before.
    var attempt: Duration = .seconds(2)
    var longestAttempt: Duration = .seconds(16)
    /// One name, for a caller who waits.
    var caller: Duration = .seconds(10)
    /// Saying that we stop: the rest of the stop waits for it.
    var stop: Duration = .seconds(1)
  }

  /// Names in one call. More go in several, each of which says all of a range.
  static let itemsPerCall = 5000
  /// Refused names that a line in the log shows.
  static let shownRefusals = 10

  private let book: OutgoingBook
  private let node: NodeLink
  private let isOffline: @Sendable (String) -> Bool
  private let patience: Patience
  private let logger: Logger
  /// Opens when every static announcement has been accepted by its public proxy.
  let settled = Latch()
  private let accepted: Counter
  private let refused: Counter
  private let failed: Counter
  private let state = Mutex(State())
  private let (newcomers, newcomer) = AsyncStream<OperatorName>.makeStream(bufferingPolicy: .bufferingNewest(1024))

  /// - Parameter isOffline: whether all internal servers of a name are down.
  init(
    book: OutgoingBook, node: NodeLink, isOffline: @escaping @Sendable (String) -> Bool, patience: Patience = Patience(), logger: Logger,
    metrics: MetricsRegistry
  ) {
    self.patience = patience
    self.book = book
    self.node = node
    self.isOffline = isOffline
    self.logger = logger
    let help = "Announcement calls to public proxies, by outcome."
    accepted = metrics.counter("hyper_announce_calls_total", help: help, labels: ["outcome": "accepted"])
    refused = metrics.counter("hyper_announce_calls_total", help: help, labels: ["outcome": "refused"])
    failed = metrics.counter("hyper_announce_calls_total", help: help, labels: ["outcome": "failed"])
  }

  func run() async throws {
    let watch = NodeWatch(link: node, logger: logger) { [self] view in viewChanged(view) }
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        group.addTask { try? await watch.run() }  // ends with the shutdown, without errors
        for proxy in self.book.proxies() { self.follow(proxy, in: &group) }
        if self.book.staticProxies.isEmpty { self.settled.open() }
        for await proxy in self.newcomers { self.follow(proxy, in: &group) }
        group.cancelAll()
      }
    }
    await sayThatWeStop()
  }

  // MARK: When to speak

  /// Announces everything to a public proxy, or to all of them, as soon as possible.
  func announceSoon(to proxy: OperatorName? = nil) {
    let followers = state.withLock { state in
      proxy.map { state.followers[$0].map { [$0] } ?? [] } ?? Array(state.followers.values)
    }
    for follower in followers { follower.bell.ring() }
    // One to which nothing is announced hears that: it may know of something from an earlier start of ours.
    if let proxy { newcomer.yield(proxy) }
  }

  /// Whoever was not connected before, or not through this node of ours, has to hear us.
  private func viewChanged(_ view: NodeView?) {
    let bells = state.withLock { state in
      let before = state.view
      state.view = view
      return state.followers.filter { proxy, _ in
        before?.node != view?.node || view?.peers[proxy].map { $0 != before?.peers[proxy] } ?? false
      }.map(\.value.bell)
    }
    for bell in bells { bell.ring() }
  }

  private func follow(_ proxy: OperatorName, in group: inout DiscardingTaskGroup) {
    guard state.withLock({ $0.followed.insert(proxy).inserted }) else { return }
    let follower = follower(of: proxy)
    group.addTask {
      var backoff = Backoff()
      var timeout = self.patience.attempt
      while !Task.isCancelled {
        let pause = await follower.turn.pass { await self.announceAll(at: proxy, &timeout, &backoff) }
        if self.isDone(with: proxy, follower.bell) { return }
        await follower.bell.wait(atMost: pause)
      }
    }
  }

  /// Follows a public proxy no longer to which nothing is announced, when it knows that or never knew anything.
  private func isDone(with proxy: OperatorName, _ bell: Bell) -> Bool {
    state.withLock { state in
      guard !bell.isRung, !book.proxies().contains(proxy), !state.told.contains(proxy) else { return false }
      // What is announced from now on comes behind this, and has it followed anew. Whoever waits for a turn keeps it.
      state.followed.remove(proxy)
      state.settled.remove(proxy)
      state.trouble[proxy] = nil
      state.refusals[proxy] = nil
      return true
    }
  }

  /// Whether a public proxy is to hear of names of ours, or may know of some.
  private func isOfInterest(_ proxy: OperatorName) -> Bool {
    state.withLock { $0.told.contains(proxy) } || book.proxies().contains(proxy)
  }

  private func follower(of proxy: OperatorName) -> Follower {
    state.withLock { state in
      if let known = state.followers[proxy] { return known }
      let follower = Follower()
      state.followers[proxy] = follower
      return follower
    }
  }

  // MARK: One name, for a caller who waits

  /// Forwards one announcement at once.
  ///
  /// - Throws: the public proxy's refusal as it came, −32603 with the reason when no answer came. The announcement stays stored and is sent again.
  func announceNow(_ announcement: AnnouncementRequest, at proxy: OperatorName) async throws(CallFault) {
    newcomer.yield(proxy)
    let isGivenUp = announcement.expiresAt.map { $0 <= Date() } ?? false
    let outcome = try await atOnce("announceConnections", at: proxy) {
      // As it is when its turn comes: given up meanwhile, there is nothing to say.
      guard var now = isGivenUp ? announcement : book.request(announcement.domain, at: proxy) else { return nil }
      now.isOffline = isOffline(now.domain)
      return call(to: proxy).params([now])
    }
    guard case .result(let result)? = outcome else { return }
    let refusal = Self.refusals(in: result, of: [announcement]).first
    state.withLock { $0.refusals[proxy, default: [:]][announcement.domain] = refusal?.fault }
    if let refusal {
      logger.warning(
        "announcement refused",
        metadata: ["domain": "\(refusal.domain)", "at": "\(proxy)", "code": "\(refusal.fault.code)", "reason": "\(refusal.fault.message)"])
      throw refusal.fault
    }
  }

  /// Tells a public proxy at once that a name is given up. One that does not know the method, or does not let us call it, is told by an expiry
  /// that has passed.
  ///
  /// - Throws: as `announceNow`. The name is told with the next repetition.
  func withdrawNow(_ announcement: AnnouncementRequest, at proxy: OperatorName) async throws(CallFault) {
    do {
      try await giveUp(announcement, at: proxy)
    } catch {
      // With the next repetition, which there may be none of any more.
      announceSoon(to: proxy)
      throw error
    }
  }

  private func giveUp(_ announcement: AnnouncementRequest, at proxy: OperatorName) async throws(CallFault) {
    // Announced again meanwhile, there is nothing to say.
    func isGivenUp() -> Bool { book.request(announcement.domain, at: proxy) == nil }
    do {
      _ = try await atOnce("withdrawConnections", at: proxy) {
        let domain: JSONValue = ["domain": .string(announcement.domain)]
        return isGivenUp() ? ["connections": [domain], "instance": .string(book.instance.text)] : nil
      }
    } catch  where [403, -32601].contains(error.code) {
      var expired = announcement
      expired.expiresAt = Date(timeIntervalSince1970: 0)
      _ = try await atOnce("announceConnections", at: proxy) { isGivenUp() ? call(to: proxy).params([expired]) : nil }
    }
  }

  /// - Parameter params: what is to be said when the call's turn has come; nil when nothing is.
  private func atOnce(
    _ method: String, at proxy: OperatorName, _ params: () -> [String: JSONValue]?
  ) async throws(CallFault) -> CallResponse.Outcome? {
    try await follower(of: proxy).turn.pass { () throws(CallFault) -> CallResponse.Outcome? in
      guard let params = params() else { return nil }
      do {
        let outcome = try await tell(proxy, method, params, timeout: patience.caller)
        if case .fault(let fault) = outcome { throw fault }
        return outcome
      } catch let fault as CallFault {
        throw fault
      } catch {
        throw CallFault(code: -32603, message: "stored, but '\(proxy)' could not be told yet: \(error)")
      }
    }
  }

  /// One call, which undoes nothing that a later one has done, however long it takes on its way.
  private func tell(
    _ proxy: OperatorName, _ method: String, _ params: [String: JSONValue], timeout: Duration
  ) async throws(JSONRPCClientError) -> CallResponse.Outcome {
    let order = state.withLock { $0.nextOrder(to: proxy) }
    let saysNames = method == "announceConnections" && params["connections"] != []
    let isFirst = saysNames && state.withLock { $0.told.insert(proxy).inserted }
    let outcome: CallResponse.Outcome
    do throws(JSONRPCClientError) {
      outcome = try await node.call(proxy, method, params: params.merging(order.params) { $1 }, timeout: timeout)
      if isFirst, case .fault(let fault) = outcome, Self.failureKind(of: fault) == .unreachable { notTold(proxy) }
    } catch {
      if isFirst, error.kind == .unreachable { notTold(proxy) }
      throw error
    }
    guard case .fault(let fault) = outcome, fault.data == CallOrder.overtaken else { return outcome }
    // Overtaken by nothing that we have said since, but by what was left of an earlier start of ours: a new run comes after all that are known.
    let again = state.withLock { state -> CallOrder? in
      guard state.lastOrders[proxy] == order else { return nil }
      if state.run == order.run { state.run = Self.freshRun }
      return state.nextOrder(to: proxy)
    }
    guard let again else { return outcome }
    return try await node.call(proxy, method, params: params.merging(again.params) { $1 }, timeout: timeout)
  }

  /// The first call that says a name to a public proxy has not reached it.
  private func notTold(_ proxy: OperatorName) { state.withLock { _ = $0.told.remove(proxy) } }

  private static var freshRun: String { String(UInt64.random(in: .min ... .max), radix: 16) }

  // MARK: Everything

  /// What a call says besides its names.
  private func call(to proxy: OperatorName, complete: NameRange? = nil, isStopping: Bool = false) -> AnnouncementCall {
    let node = state.withLock { $0.view?.node }
    let seconds = Int((interval(of: proxy) / .seconds(1)).rounded(.up))
    return AnnouncementCall(instance: book.instance, node: node, interval: seconds, complete: complete, isStopping: isStopping)
  }

  private func interval(of proxy: OperatorName) -> Duration {
    state.withLock { $0.view?.isOurs(proxy) } == true ? Self.interval : Self.referenceInterval
  }

  /// One attempt; returns how long to wait before the next.
  private func announceAll(at proxy: OperatorName, _ timeout: inout Duration, _ backoff: inout Backoff) async -> Duration {
    let items = book.pending(at: proxy, isOffline: isOffline)
    let parts = stride(from: 0, to: max(items.count, 1), by: Self.itemsPerCall).map {
      Array(items[$0..<min($0 + Self.itemsPerCall, items.count)])
    }
    var refusals: [(domain: String, fault: CallFault)] = []
    for (number, part) in parts.enumerated() {
      do {
        let next = number + 1 < parts.count ? parts[number + 1].first : nil
        let params = call(to: proxy, complete: NameRange(from: number == 0 ? nil : part.first?.domain, below: next?.domain)).params(part)
        switch try await tell(proxy, "announceConnections", params, timeout: timeout) {
        case .fault(let fault):
          return retry(proxy, "error \(fault.code): \(fault.message)", after: Self.failureKind(of: fault), &backoff)
        case .result(let result): refusals += Self.refusals(in: result, of: part)
        }
      } catch {
        if Task.isCancelled { return .zero }
        if error.kind == .timeout { timeout = min(timeout * 2, patience.longestAttempt) }
        return retry(proxy, error.message, after: error.failureKind, &backoff)
      }
    }
    timeout = patience.attempt
    if items.isEmpty { state.withLock { _ = $0.told.remove(proxy) } }
    state.withLock { $0.refusals[proxy] = Dictionary(refusals.map { ($0.domain, $0.fault) }) { first, _ in first } }
    guard refusals.isEmpty else {
      let shown = refusals.prefix(Self.shownRefusals).map { "'\($0.domain)': \($0.fault.code) \($0.fault.message)" }
      let more = refusals.count > Self.shownRefusals ? " and \(refusals.count - Self.shownRefusals) more" : ""
      return retry(proxy, shown.joined(separator: "; ") + more, after: .refused, &backoff)
    }
    noteAccepted(items.count, at: proxy)
    backoff.reset()
    return interval(of: proxy) * Double.random(in: 1 - Self.jitter...1 + Self.jitter)
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
    guard isOfInterest(proxy) else {
      logger.debug("nothing to announce, and not told", metadata: ["at": "\(proxy)", "reason": "\(reason)"])
      return backoff.next(after: kind)
    }
    (kind == .refused ? refused : failed).increment()
    let isNews = state.withLock { $0.trouble.updateValue(reason, forKey: proxy) } != reason
    let pause = backoff.next(after: kind)
    if isNews {
      logger.warning("announcements not accepted", metadata: ["at": "\(proxy)", "reason": "\(reason)", "again_in": "\(pause)"])
    }
    return pause
  }

  private func noteAccepted(_ count: Int, at proxy: OperatorName) {
    guard count > 0 || isOfInterest(proxy) else { return settle(proxy) }
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

  /// So that clients get an alert at once, and others their share. Names stay ours for a while (`ownership_grace`).
  private func sayThatWeStop() async {
    let proxies = state.withLock { $0.settled.union($0.refusals.keys) }
    await withDiscardingTaskGroup { group in
      for proxy in proxies {
        group.addTask {
          // Whoever cannot be told finds out.
          _ = try? await self.tell(
            proxy, "announceConnections", self.call(to: proxy, isStopping: true).params([]), timeout: self.patience.stop)
        }
      }
    }
  }

  // MARK: What is known

  /// Where a name stands at its public proxy.
  enum Standing: Equatable {
    case accepted
    case refused(CallFault)
    /// With the reason, if there is one yet.
    case pending(String?)
  }

  func standing(of domain: String, at proxy: OperatorName) -> Standing {
    state.withLock { state in
      if let fault = state.refusals[proxy]?[domain] { return .refused(fault) }
      if let trouble = state.trouble[proxy], state.refusals[proxy]?.isEmpty != false { return .pending(trouble) }
      return state.settled.contains(proxy) || state.refusals[proxy] != nil ? .accepted : .pending(nil)
    }
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
