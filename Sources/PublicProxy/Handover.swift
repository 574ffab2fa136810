import Announcements
import ClientHello
import HyperModel
import JSONRPC
import Logging
import Operations
import Relay
import Synchronization
import Wiring

/// Has clients handed over to the private proxies that announced their names.
struct Handover: Sendable {
  let engine: RelayEngine
  let node: NodeLink
  let book: AnnouncementBook
  /// Where private proxies are told to present their tokens.
  let internalEndpoint: String
  /// How long a client waits from its hello to its private side.
  let acceptTimeout: Duration
  let underWay = HandoversUnderWay()
  let streamLog: StreamLog
  let logger: Logger
  let notices: NoticeCounters
  let turns: NoticeTurns

  /// Whether a client's notice is sent now (`serve`). Otherwise it waits for its turn, until it is served by a task that has finished or leaves.
  ///
  /// To be called in the order of the relay's events.
  func begin(_ client: WaitingClient) -> Bool {
    underWay.expect(client.stream)
    if turns.begin(client) { return true }
    streamLog.noticeDelayed(client.stream, to: client.holder.text)
    return false
  }

  /// A stream is gone: it needs no turn any longer.
  func ended(_ stream: StreamID) {
    underWay.settled(stream)
    if turns.left(stream) { underWay.forget(stream) }
  }

  /// Hands a client over, and then whoever's turn comes by that.
  func serve(_ client: WaitingClient) async {
    var next: WaitingClient? = client
    while let client = next {
      await handOver(client)
      underWay.forget(client.stream)
      next = turns.finished(client)
    }
  }

  /// Tells those who can come for a client, and gives it up when nobody will: an alert instead of a hang.
  private func handOver(_ client: WaitingClient) async {
    // When its wait is over the relay ends a client by itself.
    guard left(for: client) > .zero, underWay.isExpected(client.stream) else { return }
    let candidates = book.candidates(for: client.domain)
    switch candidates.count {
    case 0: engine.refuse(client.stream, with: .internalError, cause: .privateSideAway, detail: "its private side says that it is down")
    case 1:
      if let failure = await notify(candidates[0], of: client) { giveUp(client, failure) }
    default: await handOver(client, toOneOf: candidates)
    }
  }

  /// One after the other, as `HandoverAttempts` says. Whoever presents its token first has the client; the relay sees to that.
  private func handOver(_ client: WaitingClient, toOneOf candidates: [Candidate]) async {
    var attempts = HandoverAttempts(
      candidates: candidates.map(\.party), turn: .random(in: .min ... .max), acceptTimeout: left(for: client))
    // Holds at most two events for each attempt, and the end.
    let (events, event) = AsyncStream<HandoverEvent>.makeStream()
    underWay.tell(event, of: client.stream)
    let answered = AnsweredNotices()
    var lastFailure = NoticeFailure(cause: .privateSideAway, reason: "nobody can be asked")
    await withDiscardingTaskGroup { asked in
      await withDiscardingTaskGroup { timers in
        timers.addTask {
          // The relay says when it is over; should that be lost, as when its events are read too slowly, nothing waits for it.
          if (try? await Task.sleep(for: left(for: client) + Self.margin)) != nil { event.yield(.settled) }
        }
        var actions = attempts.begin()
        var iterator = events.makeAsyncIterator()
        while true {
          for action in actions {
            switch action {
            case .notify(let attempt, let party):
              if attempt > 0 { notices.retried.increment() }
              guard let candidate = candidates.first(where: { $0.party == party }) else { continue }
              asked.addTask {
                if let failure = await notify(candidate, of: client) {
                  event.yield(.failed(attempt, failure))
                } else {
                  answered.insert(attempt)
                }
              }
            case .watch(let attempt, let time):
              timers.addTask {
                if (try? await Task.sleep(for: time)) != nil { event.yield(.silent(attempt)) }  // cancelled: nobody waits any more
              }
            case .giveUp: giveUp(client, lastFailure)
            }
          }
          guard !attempts.isOver, let next = await iterator.next() else { break }
          switch next {
          case .failed(let attempt, let failure):
            lastFailure = failure
            actions = attempts.failed(attempt)
          case .silent(let attempt):
            actions = attempts.silenceEnded(attempt)
            // Others need not wait for it as well: it says soon that it is there, if it is.
            if !actions.isEmpty, let party = attempts.party(of: attempt) {
              asked.addTask {
                let isAnswered = answered.contains(attempt)
                await book.unreachable(party)
                // Answered while that was put in force.
                if !isAnswered, answered.contains(attempt) { await book.reached(party) }
              }
            }
          case .settled:
            attempts.settled()
            actions = []
          }
        }
        timers.cancelAll()
      }
      // Notices that are out end by themselves.
    }
  }

  /// Draws a token and tells a private proxy. Nil when it will come.
  private func notify(_ candidate: Candidate, of client: WaitingClient) async -> NoticeFailure? {
    let token = engine.awaitHandover(of: client.stream)
    let holder = candidate.party
    logger.debug(
      "notice",
      metadata: ["stream": "\(client.stream)", "name": "\(client.name)", "to": "\(holder)"])
    var params = client.notice
    params["endpoint"] = .string(internalEndpoint)
    params["token"] = .string(Base64.encode(token.bytes))
    if let node = candidate.node { params["_node"] = .string(node) }
    notices.sent.increment()
    do {
      switch try await call(holder.owner, params, for: client) {
      case .result:
        notices.accepted.increment()
        // One that was silent for a while is asked again at once.
        await book.reached(holder)
        return nil
      case .fault(let fault):
        notices.refused.increment()
        // A node's words for "could not be delivered" (PROTOCOL.md 5.3).
        if [1, 500].contains(fault.code) { await book.unreachable(holder) }
        let reason = "'\(holder)' answered the notice with error \(fault.code): \(fault.message)"
        streamLog.noticeFailed(client.stream, to: "\(holder)", reason: reason)
        return NoticeFailure(cause: .privateSideRefused, reason: reason)
      }
    } catch {
      notices.failed.increment()
      let reason = "notice to '\(holder)': \(error.message)"
      streamLog.noticeFailed(client.stream, to: "\(holder)", reason: reason)
      return NoticeFailure(cause: .privateSideAway, reason: reason)
    }
  }

  /// One notice. It is sent again while the own node has no time for our connection: then it has not been sent.
  private func call(
    _ owner: OperatorName, _ params: [String: JSONValue], for client: WaitingClient
  ) async throws(JSONRPCClientError) -> CallResponse.Outcome {
    while true {
      let start = ContinuousClock.now
      do {
        return try await node.call(owner, "incomingConnection", params: params, timeout: left(for: client))
      } catch {
        // One that is not running is known at once.
        guard error.kind == .unreachable, start.duration(to: .now) >= Self.busyTime, left(for: client) > .zero else { throw error }
      }
    }
  }

  /// From the end of a client's wait until nobody asks any more whether the relay has said so.
  private static let margin: Duration = .seconds(2)

  /// A node to which no connection came about in this time is busy.
  private static let busyTime: Duration = .seconds(1)

  /// What is left of a client's wait, which began with its hello.
  private func left(for client: WaitingClient) -> Duration { max(.zero, acceptTimeout - client.arrived.duration(to: .now)) }

  private func giveUp(_ client: WaitingClient, _ failure: NoticeFailure) {
    engine.refuse(client.stream, with: .internalError, cause: failure.cause, detail: failure.reason)
  }
}

/// The attempts of one hand-over whose notices were accepted. `attempts` is protected by its mutex.
private final class AnsweredNotices: Sendable {
  private let attempts = Mutex<Set<Int>>([])

  func insert(_ attempt: Int) { attempts.withLock { _ = $0.insert(attempt) } }
  func contains(_ attempt: Int) -> Bool { attempts.withLock { $0.contains(attempt) } }
}

/// Why a private proxy will not come.
struct NoticeFailure: Sendable {
  var cause: EndCause
  var reason: String
}

/// A client whose private side is to come for it.
struct WaitingClient: Sendable {
  let stream: StreamID
  /// As the client asks for it.
  let name: String
  /// As it was announced: the name, or the wildcard that covers it.
  let domain: String
  /// Who announced it: of several who do, the first.
  let holder: OperatorName
  let alpn: [[UInt8]]
  let address: SocketAddressText
  let arrived: ContinuousClock.Instant

  /// What a notice says about it. Existing private proxies read the first member; the others are ours (docs/compatibility.md).
  var notice: [String: JSONValue] {
    [
      "domain": .string(name), "server_name": .string(name), "client_address": .string(address.host),
      "client_port": .integer(Int64(address.port)), "alpn": .array(alpn.map { .string(Self.text($0)) }), "stream": .string("\(stream)"),
    ]
  }

  /// A protocol id as text, each byte a character of its own (ISO 8859-1): any bytes are allowed in one (RFC 7301 3.1).
  private static func text(_ protocolID: [UInt8]) -> String {
    String(String.UnicodeScalarView(protocolID.map { Unicode.Scalar($0) }))
  }
}

/// How notices to private proxies went.
struct NoticeCounters: Sendable {
  let sent: Counter
  let retried: Counter
  let accepted: Counter
  let refused: Counter
  let failed: Counter

  init(_ metrics: MetricsRegistry) {
    sent = metrics.counter("hyper_notices_sent_total", help: "Notices sent to private proxies.")
    retried = metrics.counter(
      "hyper_notices_retried_total", help: "Notices to another private proxy, because the one before failed or was silent.")
    let help = "Notices by how they were answered."
    accepted = metrics.counter("hyper_notices_answered_total", help: help, labels: ["outcome": "accepted"])
    refused = metrics.counter("hyper_notices_answered_total", help: help, labels: ["outcome": "refused"])
    failed = metrics.counter("hyper_notices_answered_total", help: help, labels: ["outcome": "failed"])
  }
}
