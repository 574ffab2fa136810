public import Addresses

/// A `privacy` map: how much of a client's address goes where. Every key is optional.
public struct PrivacySettings: Hashable, Sendable {
  /// `logs`, `full`, `truncated`, `hashed` or `none`, default `truncated`: log lines and metrics.
  public var logs = AddressPrivacy.truncated
  /// `proxy_header`, `full`, `truncated` or `none`, default `full`; private proxies only: the PROXY header, which goes to the owner's own server.
  public var proxyHeader = HeaderPrivacy.full

  /// The defaults.
  public init() {}
}

extension PrivacySettings {
  /// - Parameter hasHeader: whether this role writes PROXY headers.
  init(_ section: Section, hasHeader: Bool) {
    self.init()
    logs = section.optional("logs", AddressPrivacy.init(parsing:)) ?? logs
    if hasHeader { proxyHeader = section.optional("proxy_header", HeaderPrivacy.init(parsing:)) ?? proxyHeader }
    section.finish()
  }
}

extension RawRepresentable where RawValue == String, Self: CaseIterable {
  fileprivate init(parsing text: String) throws(TextMismatch) {
    guard let value = Self(rawValue: text) else { throw TextMismatch("one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))") }
    self = value
  }
}
