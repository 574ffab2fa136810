public import FoundationEssentials
public import HyperModel

/// A name under which clients reach an operator through this public proxy, and until when (PROTOCOL.md 10.1).
///
/// A name can have several announcements at one time: of several private proxies of one operator, and of operators that name
/// each other. Each is of one `party`.
public struct Announcement: Hashable, Sendable {
  /// The host name or wildcard (`*.example.org`, one label), lower case.
  public var domain: String
  /// Who is reached under it. Only those it shares the name with can announce it while it holds.
  public var owner: OperatorName
  /// Which of the owner's private proxies; nil for one that does not say.
  public var instance: InstanceID?
  /// Nil holds until it is withdrawn.
  public var expiresAt: Date?
  /// Since when the party has held the name without a gap; nil when it was stored by a version that did not write it down.
  public var since: Date?
  /// The other operators that may hold the name too, if they say the same of this one.
  public var sharedWith: Set<OperatorName>

  public init(
    domain: String, owner: OperatorName, instance: InstanceID? = nil, expiresAt: Date? = nil, since: Date? = nil,
    sharedWith: Set<OperatorName> = []
  ) {
    self.domain = domain
    self.owner = owner
    self.instance = instance
    self.expiresAt = expiresAt
    self.since = since
    self.sharedWith = sharedWith
  }

  /// Who announced it.
  public var party: Party { Party(owner, instance: instance) }
}

/// One item of `announceConnections`, as asked for (PROTOCOL.md 10.3).
public struct AnnouncementRequest: Hashable, Sendable {
  /// As written by the operator; its syntax is checked and its case folded when it is announced.
  public var domain: String
  /// A time that has passed withdraws the name.
  public var expiresAt: Date?
  /// The operators that may hold the name too, if they say the same of this one.
  public var sharedWith: Set<OperatorName>
  /// The name is held, but its server is down: nobody is to be sent there.
  public var isOffline: Bool

  public init(domain: String, expiresAt: Date? = nil, sharedWith: Set<OperatorName> = [], isOffline: Bool = false) {
    self.domain = domain
    self.expiresAt = expiresAt
    self.sharedWith = sharedWith
    self.isOffline = isOffline
  }
}

/// What became of one announced name. Whatever changed comes with its new content, for the store.
public enum AnnouncementOutcome: Hashable, Sendable {
  /// The party did not hold the name. What it displaced is in the report.
  case created(Announcement)
  /// The party held the name; the expiry or the partners changed.
  case renewed(Announcement)
  /// The party held the name, and gave it up: by an expiry that has passed, or in so many words.
  case withdrawn(Announcement)
  /// The party holds the name as before, and its server has gone or come back. Not for the store.
  case switched(Announcement, isOffline: Bool)
  /// Nothing to do: everything was so already.
  case unchanged
  case refused(AnnouncementRefusal)
}

/// What became of a call with several names.
public struct AnnouncementReport: Hashable, Sendable {
  /// One for each item, in order.
  public var outcomes: [AnnouncementOutcome] = []
  /// Announcements that are gone because of the others, for the store to forget: of operators whose time was over, and of
  /// partners that the first holder no longer names.
  public var displaced: [Announcement] = []
  /// Nothing was done: a later call has been carried out.
  public var isOvertaken = false

  public init(outcomes: [AnnouncementOutcome] = [], displaced: [Announcement] = [], isOvertaken: Bool = false) {
    self.outcomes = outcomes
    self.displaced = displaced
    self.isOvertaken = isOvertaken
  }
}

/// An announcement and what is known about its private proxy, for lists.
public struct AnnouncementStatus: Hashable, Sendable {
  public var announcement: Announcement
  /// When something was last heard from the private proxy; nil when nothing was since the start.
  public var lastSeen: Date?
  public var isConnected: Bool
  /// The private proxy has said that its server is down.
  public var isOffline: Bool

  public init(announcement: Announcement, lastSeen: Date?, isConnected: Bool, isOffline: Bool = false) {
    self.announcement = announcement
    self.lastSeen = lastSeen
    self.isConnected = isConnected
    self.isOffline = isOffline
  }
}
