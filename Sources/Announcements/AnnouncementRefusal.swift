public import HyperModel

/// Why a name was not accepted, for the operator who announced it.
public enum AnnouncementRefusal: Error, Hashable, Sendable {
  /// The name cannot occur in a hello. `problem` completes the sentence "the name … ".
  case badName(String, problem: String)
  /// None of the domains and names the directory allows the operator covers the name.
  case notAllowed(domain: String, allowed: [String])
  /// The expiry lies further ahead than `AnnouncementRules.longestValidity`.
  case expiryTooFar(domain: String)
  /// Another operator holds the name. Who that is belongs into our log, not into the answer.
  case heldByAnother(domain: String, owner: OperatorName)
  /// The name lies below a wildcard of another operator, or of the proxy's settings where `owner` is nil, and the
  /// directory does not allow exactly this name.
  case underWildcard(domain: String, wildcard: String, owner: OperatorName?)
  /// The settings of the public proxy route the name.
  case staticRoute(domain: String)
  /// The operator holds as many names as one may.
  case tooMany(limit: Int)
  /// The operator has as many private proxies as one may, each under an id of its own.
  case tooManyInstances(limit: Int)
  /// The announcement names more partners than it may (`shared_with`).
  case tooManyPartners(domain: String, limit: Int)
  /// The name of a partner is longer than any operator's, in bytes.
  case partnerTooLong(domain: String, limit: Int)
  /// A private proxy was asked to give up a name that its settings announce.
  case inSettings(domain: String)
  /// A private proxy was asked to announce a name to itself.
  case ownProxy(OperatorName)

  /// The error code of the answer (PROTOCOL.md 10.2, 10.3).
  public var code: Int {
    switch self {
    case .badName, .expiryTooFar, .tooManyPartners, .partnerTooLong, .ownProxy: 400
    case .notAllowed, .tooMany, .tooManyInstances: 403
    case .heldByAnother, .underWildcard, .staticRoute, .inSettings: 409
    }
  }

  /// The error object of the answer.
  public var fault: CallFault {
    CallFault(code: code, message: description, data: data)
  }

  private var data: JSONValue? {
    guard case .notAllowed(_, let allowed) = self else { return nil }
    return .array(allowed.map { .string($0) })
  }
}

extension AnnouncementRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .badName(let name, let problem):
      "the name \(Self.shown(name)) \(problem)"
    case .notAllowed(let domain, let allowed) where allowed.isEmpty:
      "the name \(Self.shown(domain)) is not allowed: the directory allows this operator no domain at all"
    case .notAllowed(let domain, let allowed):
      "the name \(Self.shown(domain)) is not allowed: it must \(Self.demands(allowed))"
    case .expiryTooFar(let domain):
      "the announcement of \(Self.shown(domain)) expires too late: \(AnnouncementRules.longestValidityInDays) days ahead is the most"
    case .heldByAnother(let domain, _):
      "the name \(Self.shown(domain)) is held by another operator"
    case .underWildcard(let domain, let wildcard, .some):
      "the name \(Self.shown(domain)) lies below \(wildcard), which another operator holds: it takes an entry in allowed_names"
    case .underWildcard(let domain, let wildcard, nil):
      "the name \(Self.shown(domain)) lies below \(wildcard), which this proxy routes itself: it takes an entry in allowed_names"
    case .staticRoute(let domain):
      "the name \(Self.shown(domain)) is routed by this proxy itself"
    case .tooMany(let limit):
      "this operator has announced \(limit) names, more are not allowed"
    case .tooManyInstances(let limit):
      "this operator already announces from \(limit) private proxies, more are not allowed"
    case .tooManyPartners(let domain, let limit):
      "the announcement of \(Self.shown(domain)) names too many operators in shared_with: \(limit) is the most"
    case .partnerTooLong(let domain, let limit):
      "the announcement of \(Self.shown(domain)) names an operator of more than \(limit) bytes in shared_with"
    case .inSettings(let domain):
      "the name \(Self.shown(domain)) is announced by the settings of this proxy: it has to be removed there"
    case .ownProxy(let name):
      "names cannot be announced to \(name), which is this proxy itself: give the name of a public proxy"
    }
  }

  private static func demands(_ allowed: [String]) -> String {
    allowed.map { $0.hasPrefix(".") ? "end with \($0)" : "be \($0)" }.joined(separator: " or ")
  }

  /// What a peer wrote, escaped and cut to a length fit for a log line.
  private static func shown(_ text: String) -> String {
    let limit = 80
    return text.count <= limit ? text.debugDescription : String(text.prefix(limit)).debugDescription + "…"
  }
}
