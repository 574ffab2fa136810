public import Announcements
public import HyperModel
public import JSONRPC

import struct Foundation.Date

extension AnnouncementRequest {
  /// Reads `{domain, expires_at?}`; other members are ignored, since deployed private proxies send one more (WIRE.md 2).
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
    guard problems.isEmpty, let domain else { return .failure(FormFailure(problems)) }
    return .success(AnnouncementRequest(domain: domain, expiresAt: expiresAt))
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
