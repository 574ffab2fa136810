public import FoundationEssentials
public import HyperModel

/// A name that a private proxy announces to a public one (PROTOCOL.md 10.1).
public struct OutgoingAnnouncement: Hashable, Sendable {
  /// The host name or wildcard (`*.example.org`, one label), lower case.
  public var domain: String
  /// The public proxy it is announced to.
  public var proxy: OperatorName
  /// Nil holds until it is withdrawn.
  public var expiresAt: Date?
  /// The `host:port` endpoints that may be dialled for this name when the public proxy asks; empty leaves it to what the
  /// directory says about that proxy.
  public var allowedEndpoints: [String]
  /// The other operators that may hold the name too, if they say the same of this one.
  public var sharedWith: Set<OperatorName>

  public init(
    domain: String, proxy: OperatorName, expiresAt: Date? = nil, allowedEndpoints: [String] = [], sharedWith: Set<OperatorName> = []
  ) {
    self.domain = domain
    self.proxy = proxy
    self.expiresAt = expiresAt
    self.allowedEndpoints = allowedEndpoints
    self.sharedWith = sharedWith
  }
}

/// What became of one name a private proxy was asked to announce. Whatever changed comes with its new content.
public enum OutgoingOutcome: Hashable, Sendable {
  case created(OutgoingAnnouncement)
  case renewed(OutgoingAnnouncement)
  /// Given up by an expiry that has passed. The public proxy is told by sending it this, once.
  case withdrawn(OutgoingAnnouncement)
  case unchanged
  case refused(AnnouncementRefusal)
}
