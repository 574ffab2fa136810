public import Announcements
public import HyperModel
public import JSONRPC

import struct Foundation.Date

extension AnnouncementRequest {
  /// Reads `{domain, expires_at?, shared_with?, offline?}`; other members are ignored, since deployed private proxies send one more
  /// (WIRE.md 2).
  public static func read(_ json: JSONValue) -> Result<AnnouncementRequest, FormFailure> {
    guard let members = json.object else { return .failure(FormFailure(["": "expected a map"])) }
    var problems: [String: JSONValue] = [:]
    let domain = members["domain"]?.string
    if domain?.isEmpty ?? true { problems["domain"] = "expected a string" }
    var expiresAt: Date?
    switch members["expires_at"] {
    case nil, .null, .string(""): break
    case .string(let text):
      expiresAt = RFC3339.parse(text)
      if expiresAt == nil { problems["expires_at"] = "expected a time as in RFC 3339" }
    default: problems["expires_at"] = "expected a string"
    }
    var sharedWith: Set<OperatorName> = []
    switch members["shared_with"] {
    case nil, .null: break
    case .array(let list):
      sharedWith = Set(list.compactMap(\.string).map { OperatorName($0) })
      if list.contains(where: { $0.string == nil }) { problems["shared_with"] = "expected a list of operators" }
    default: problems["shared_with"] = "expected a list of operators"
    }
    var isOffline = false
    switch members["offline"] {
    case nil, .null: break
    case .bool(let flag): isOffline = flag
    default: problems["offline"] = "expected true or false"
    }
    guard problems.isEmpty, let domain else { return .failure(FormFailure(problems)) }
    return .success(AnnouncementRequest(domain: domain, expiresAt: expiresAt, sharedWith: sharedWith, isOffline: isOffline))
  }

  /// As `read` takes it. What is not used is left out: deployed public proxies know the first two members only.
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "domain": .string(domain), "expires_at": expiresAt.map { .string(RFC3339.format($0)) } ?? .null,
    ]
    if !sharedWith.isEmpty { members["shared_with"] = .array(sharedWith.sorted().map { .string($0.text) }) }
    if isOffline { members["offline"] = true }
    return .object(members)
  }
}

/// A form error as a thrown value.
public struct FormFailure: Error, Hashable, Sendable {
  public let form: FormError

  public init(_ problems: [String: JSONValue]) {
    form = FormError(problems)
  }

  public var json: JSONValue { form.json }
}
