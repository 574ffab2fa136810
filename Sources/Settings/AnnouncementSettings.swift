public import Foundation
public import HyperModel

/// One item of a private proxy's `announcements`.
public struct AnnouncementSettings: Hashable, Sendable {
  /// `domain`, required: a full host name or a wildcard of one label (`*.example.org`), in lower case here however it was written.
  public var domain: String
  /// `proxy`, required: the operator name of the public proxy.
  public var proxy: OperatorName
  /// `expires_at`, an RFC 3339 time. Default: never.
  public var expiresAt: Date?
  /// `allowed_endpoints`: the only addresses that are dialled for this domain. Default (nil): what the public proxy's directory entry says.
  public var allowedEndpoints: [HostPort]?
  /// `shared_with`, default none: the other operators that may hold the name too, if they say the same of this one.
  public var sharedWith: [OperatorName]

  public init(
    domain: String, proxy: OperatorName, expiresAt: Date? = nil, allowedEndpoints: [HostPort]? = nil, sharedWith: [OperatorName] = []
  ) {
    self.domain = domain
    self.proxy = proxy
    self.expiresAt = expiresAt
    self.allowedEndpoints = allowedEndpoints
    self.sharedWith = sharedWith
  }
}

extension AnnouncementSettings {
  static func list(_ section: Section, owner: OperatorName) -> [AnnouncementSettings] {
    var taken: [String: SourcePosition] = [:]
    return section.sections("announcements").map { item in
      let announcement = AnnouncementSettings(item)
      if announcement.proxy == owner, !owner.text.isEmpty {
        item.fail("proxy", "expected the name of a public proxy, found our own, \(quoted(owner.text))")
      }
      let key = "\(announcement.domain) \(announcement.proxy)"
      if let first = taken[key], !announcement.domain.isEmpty {
        item.fail("domain", "expected one announcement of a domain to a proxy, found another one of the same at \(first)")
      }
      taken[key] = taken[key] ?? item.value.position
      return announcement
    }
  }

  private init(_ item: Section) {
    self.init(
      domain: item.required("domain", placeholder: "", namePattern),
      proxy: OperatorName(item.requiredString("proxy")),
      expiresAt: item.optional("expires_at") { text throws(TextMismatch) in
        guard let date = RFC3339.parse(text) else { throw TextMismatch("a time like 2030-12-31T23:59:59Z (RFC 3339)") }
        return date
      },
      allowedEndpoints: item.has("allowed_endpoints")
        ? item.texts("allowed_endpoints") { text throws(TextMismatch) in try HostPort(parsing: text) } : nil,
      sharedWith: item.strings("shared_with").map { OperatorName($0) })
    // Elements that cannot be read are reported by themselves; this is about a list without any.
    if case .list([]) = item.value["allowed_endpoints"]?.content {
      item.fail("allowed_endpoints", "expected at least one host:port, found an empty list", hint: "leave the key out for the default")
    }
    item.finish()
  }
}
