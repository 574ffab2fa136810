import Announcements
import HyperModel
import JSONRPC
import Logging
import Operations
import ProxyProtocol
import Relay
import Wiring

/// The methods that the own node calls at the private proxy (PROTOCOL.md 10.2).
struct PrivateMethods: Sendable {
  let ownName: OperatorName
  let book: OutgoingBook
  let announcer: Announcer
  let engine: RelayEngine
  let joins: JoinOutcomes
  let servers: InternalServers
  let health: HealthWatch
  let logger: Logger
  let counters: PrivateCounters

  /// How long the answer to a notice waits for the two dials. Long enough for a refused connection to be known, short enough that a
  /// silent internal server does not hold up the stream that carries the notices of everybody. From then on the client is told.
  static let answerPatience: Duration = .milliseconds(250)

  func handle(_ request: RPCRequest) async -> CallResponse.Outcome {
    do throws(CallFault) {
      switch request.method {
      case "incomingConnection": return .result(try await incomingConnection(request.params))
      case "announceConnection": return .result(try await announceConnection(request.params))
      case "withdrawConnection": return .result(try await withdrawConnection(request.params))
      case "withdrawConnections": return .result(try await withdrawConnections(request.params))
      case "resyncAnnouncements": return .result(try resync(request.params))
      case "getAnnouncements": return .result(list())
      default: throw .methodNotFound
      }
    } catch {
      return .fault(error)
    }
  }

  // MARK: Notices

  /// Dials the token port and the internal server at once; with several servers the token port first, because the hello behind it decides. A
  /// refusal known in time makes this an error; later ones reach the client as an alert through the leg.
  private func incomingConnection(_ params: [String: JSONValue]) async throws(CallFault) -> JSONValue {
    counters.notices.increment()
    let caller = try CallingOperator.read(params)
    let notice = try Notice(params)
    guard let announcement = book.match(domain: notice.domain, proxy: caller.name) else {
      counters.refused.increment()
      logger.notice("notice refused: not announced", metadata: ["domain": "\(notice.domain)", "from": "\(caller.name)"])
      throw CallFault(code: 404, message: "no matching connection found")
    }
    let endpoints = EndpointRule.endpoints(allowed: announcement.allowedEndpoints, entry: caller, ownName: ownName)
    guard EndpointRule.permits(notice.endpoint, among: endpoints), let target = DialTarget(notice.endpoint) else {
      counters.refused.increment()
      logger.warning(
        "notice refused: endpoint not allowed",
        metadata: ["endpoint": "\(notice.endpoint)", "from": "\(caller.name)", "allowed": "\(endpoints.joined(separator: ", "))"])
      throw CallFault(code: 403, message: "endpoint '\(notice.endpoint)' is not allowed for announcements at '\(caller.name)'")
    }
    let quiet = QuietPeriod()
    let stream = join(notice, at: target, quiet)
    logger.debug("notice", metadata: ["stream": "\(stream)", "name": "\(notice.domain)", "from": "\(caller.name)"])
    switch await joins.outcome(of: stream, patience: Self.answerPatience, quiet: quiet) {
    case .joined, .undecided:
      return ["message": "ok"]
    case .failed(.upstream, let reason):
      counters.failed.increment()
      throw CallFault(code: 502, message: "the internal server cannot be reached: \(reason)")
    case .failed(.tokenPort, let reason):
      counters.failed.increment()
      throw CallFault(code: 502, message: "the token port \(notice.endpoint) cannot be reached: \(reason)")
    case .unserved(let reason):
      counters.unserved.increment()
      throw CallFault(code: 404, message: reason)
    case .ended(let reason):
      counters.failed.increment()
      throw CallFault(code: 502, message: "the stream ended before it began: \(reason)")
    }
  }

  /// With one server, its token is presented when that is connected: an error answer means that somebody else may come for the client. With
  /// several, only the hello behind the token says which one it is for.
  private func join(_ notice: Notice, at tokenPort: DialTarget, _ quiet: QuietPeriod) -> StreamID {
    guard let only = servers.only else {
      return joins.remember(notice.facts) { engine.join(token: notice.token, at: tokenPort, serverName: notice.domain) }
    }
    let preface = only.proxyProtocol.map { notice.facts.header(servers.headerPrivacy).bytes($0) } ?? []
    return engine.join(
      token: notice.token, at: tokenPort, upstream: only.target, preface: preface, timing: .withServer(quiet))
  }

  // MARK: Announcements

  private func announceConnection(_ params: [String: JSONValue]) async throws(CallFault) -> JSONValue {
    let caller = try CallingOperator.read(params)
    let requested: AnnouncementRequest
    switch AnnouncementRequest.read(.object(params)) {
    case .success(let read): requested = read
    case .failure(let failure): throw .invalidParams(failure.form)
    }
    guard let proxy = params["proxy"]?.string, !proxy.isEmpty else { throw .invalidParams(FormError(["proxy": "expected a string"])) }
    let allowed = try AllowedDomains.read(of: caller, at: ownName)
    let announcement = OutgoingAnnouncement(
      domain: requested.domain, proxy: OperatorName(proxy), expiresAt: requested.expiresAt, sharedWith: requested.sharedWith)
    if let change = try await book.announce(announcement, allowed: allowed) {
      try await announcer.announceNow(change, at: announcement.proxy)
    } else if let held = book.request(announcement.domain, at: announcement.proxy),
      announcer.standing(of: held.domain, at: announcement.proxy) != .accepted
    {
      // Made before, and refused or not told then.
      try await announcer.announceNow(held, at: announcement.proxy)
    }
    return "ok"
  }

  /// `{domain, proxy}`: a name announced by call is given up, here and at its public proxy.
  private func withdrawConnection(_ params: [String: JSONValue]) async throws(CallFault) -> JSONValue {
    let caller = try CallingOperator.read(params)
    try await withdraw(params, by: caller)
    return "ok"
  }

  /// The same for each of `connections`; one answer per item: null for done, else an error object.
  private func withdrawConnections(_ params: [String: JSONValue]) async throws(CallFault) -> JSONValue {
    let caller = try CallingOperator.read(params)
    guard let list = params["connections"]?.array, list.count <= Self.itemLimit else {
      throw .invalidParams(FormError(["connections": .string("expected a list of at most \(Self.itemLimit) maps")]))
    }
    var answers: [JSONValue] = []
    for item in list {
      do throws(CallFault) {
        try await withdraw(item.object ?? [:], by: caller)
        answers.append(.null)
      } catch {
        answers.append(error.json)
      }
    }
    return .array(answers)
  }

  /// Each is told to its public proxy by itself, one after the other.
  static let itemLimit = 1000

  private func withdraw(_ item: [String: JSONValue], by caller: DirectoryEntry) async throws(CallFault) {
    var problems: [String: JSONValue] = [:]
    for key in ["domain", "proxy"] where item[key]?.string?.isEmpty ?? true { problems[key] = "expected a string" }
    guard problems.isEmpty, let domain = item["domain"]?.string, let proxy = item["proxy"]?.string.map({ OperatorName($0) }) else {
      throw .invalidParams(FormError(problems))
    }
    let allowed = try AllowedDomains.read(of: caller, at: ownName)
    guard let gone = try await book.withdraw(domain, at: proxy, allowed: allowed) else { return }
    try await announcer.withdrawNow(gone, at: proxy)
  }

  /// A public proxy wants to hear everything again.
  private func resync(_ params: [String: JSONValue]) throws(CallFault) -> JSONValue {
    let caller = try CallingOperator.read(params)
    announcer.announceSoon(to: caller.name)
    return ["message": "ok"]
  }

  /// Existing nodes show the first three members.
  private func list() -> JSONValue {
    let down = health.down
    return .array(
      book.list().map { announcement in
        var members: [String: JSONValue] = [
          "domain": .string(announcement.domain), "proxy": .string(announcement.proxy.text),
          "expires_at": announcement.expiresAt.map { .string(RFC3339.format($0)) } ?? .null,
          "offline": .bool(servers.isOffline(announcement.domain, down: down)), "instance": .string(book.instance.text),
        ]
        switch announcer.standing(of: announcement.domain, at: announcement.proxy) {
        case .accepted: members["state"] = "accepted"
        case .refused(let fault):
          members["state"] = "refused"
          members["code"] = .integer(Int64(fault.code))
          members["reason"] = .string(fault.message)
        case .pending(let reason):
          members["state"] = "pending"
          if let reason { members["reason"] = .string(reason) }
        }
        return .object(members)
      })
  }
}

/// The parameters of a notice, checked (PROTOCOL.md 10.2).
struct Notice: Sendable {
  let domain: String
  let endpoint: String
  let token: Token
  let facts: ClientFacts

  init(_ params: [String: JSONValue]) throws(CallFault) {
    var problems: [String: JSONValue] = [:]
    let domain = params["domain"]?.string
    if domain?.isEmpty ?? true { problems["domain"] = "expected a string" }
    let endpoint = params["endpoint"]?.string
    if endpoint?.isEmpty ?? true { problems["endpoint"] = "expected a string" }
    let token = params["token"]?.string.flatMap(Base64.decode).flatMap { Token(bytes: $0) }
    if token == nil { problems["token"] = .string("expected \(Token.byteCount) bytes in Base64") }
    guard problems.isEmpty, let domain, let endpoint, let token else { throw .invalidParams(FormError(problems)) }
    self.domain = domain.lowercased()
    self.endpoint = endpoint
    self.token = token
    facts = ClientFacts(params)
  }
}

/// What the private proxy counts besides its relay.
struct PrivateCounters: Sendable {
  let notices: Counter
  let refused: Counter
  let failed: Counter
  let unserved: Counter

  init(_ metrics: MetricsRegistry) {
    notices = metrics.counter("hyper_notices_received_total", help: "Notices received.")
    let help = "Notices that were answered with an error."
    refused = metrics.counter("hyper_notices_rejected_total", help: help, labels: ["reason": "refused"])
    failed = metrics.counter("hyper_notices_rejected_total", help: help, labels: ["reason": "dial_failed"])
    unserved = metrics.counter("hyper_notices_rejected_total", help: help, labels: ["reason": "no_internal_endpoint"])
  }
}
