public import FoundationEssentials
public import HyperModel

/// A name under which clients reach an operator through this public proxy, and until when (PROTOCOL.md 10.1).
public struct Announcement: Hashable, Sendable {
  /// The host name or wildcard (`*.example.org`, one label), lower case.
  public var domain: String
  /// Who is reached under it; nobody else can announce it while it holds.
  public var owner: OperatorName
  /// Nil holds until it is withdrawn.
  public var expiresAt: Date?

  public init(domain: String, owner: OperatorName, expiresAt: Date? = nil) {
    self.domain = domain
    self.owner = owner
    self.expiresAt = expiresAt
  }
}

/// One item of `announceConnections`, as asked for (PROTOCOL.md 10.3).
public struct AnnouncementRequest: Hashable, Sendable {
  /// As written by the operator; its syntax is checked and its case folded when it is announced.
  public var domain: String
  /// A time that has passed withdraws the name.
  public var expiresAt: Date?

  public init(domain: String, expiresAt: Date? = nil) {
    self.domain = domain
    self.expiresAt = expiresAt
  }
}

/// What became of one announced name. Whatever changed comes with its new content, for the store.
public enum AnnouncementOutcome: Hashable, Sendable {
  /// Nobody held the name, or somebody whose time was over.
  case created(Announcement)
  /// The operator held the name; the expiry changed.
  case renewed(Announcement)
  /// The operator held the name, and gave it up by an expiry that has passed.
  case withdrawn(Announcement)
  /// Nothing to do: everything was so already.
  case unchanged
  case refused(AnnouncementRefusal)
}
