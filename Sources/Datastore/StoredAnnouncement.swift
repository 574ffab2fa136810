public import Announcements
public import FoundationEssentials
public import HyperModel

/// An announcement of either side as it is kept on disk (PROTOCOL.md 10.8).
public struct StoredAnnouncement: Hashable, Sendable {
  /// Whose announcement it is. The numbers are those of PROTOCOL.md 10.8.
  public enum Kind: Int, Hashable, Sendable, CaseIterable {
    /// Of a public proxy: `peer` holds the name.
    case publicSide = 1
    /// Of a private proxy: `peer` is the public proxy the name is announced to.
    case privateSide = 2
  }

  /// What there is one announcement of at most.
  struct Key: Hashable, Sendable {
    var kind: Kind
    var domain: String
    var peer: OperatorName
    var instance: InstanceID?
  }

  public var kind: Kind
  public var domain: String
  public var peer: OperatorName
  /// Used on the public side only: which of the peer's private proxies.
  public var instance: InstanceID?
  public var expiresAt: Date?
  /// Used on the public side only.
  public var since: Date?
  public var sharedWith: Set<OperatorName>
  /// Used on the private side only.
  public var allowedEndpoints: [String]

  public init(
    kind: Kind, domain: String, peer: OperatorName, instance: InstanceID? = nil, expiresAt: Date? = nil, since: Date? = nil,
    sharedWith: Set<OperatorName> = [], allowedEndpoints: [String] = []
  ) {
    self.kind = kind
    self.domain = domain
    self.peer = peer
    self.instance = instance
    self.expiresAt = expiresAt
    self.since = since
    self.sharedWith = sharedWith
    self.allowedEndpoints = allowedEndpoints
  }

  var key: Key { Key(kind: kind, domain: domain, peer: peer, instance: instance) }
}

extension StoredAnnouncement {
  public init(_ announcement: Announcement) {
    self.init(
      kind: .publicSide, domain: announcement.domain, peer: announcement.owner, instance: announcement.instance,
      expiresAt: announcement.expiresAt, since: announcement.since, sharedWith: announcement.sharedWith)
  }

  public init(_ announcement: OutgoingAnnouncement) {
    self.init(
      kind: .privateSide, domain: announcement.domain, peer: announcement.proxy, expiresAt: announcement.expiresAt,
      sharedWith: announcement.sharedWith, allowedEndpoints: announcement.allowedEndpoints)
  }

  /// The announcement of a public proxy; nil for one of the other side.
  public var announcement: Announcement? {
    guard kind == .publicSide else { return nil }
    return Announcement(domain: domain, owner: peer, instance: instance, expiresAt: expiresAt, since: since, sharedWith: sharedWith)
  }

  /// The announcement of a private proxy; nil for one of the other side.
  public var outgoing: OutgoingAnnouncement? {
    guard kind == .privateSide else { return nil }
    return OutgoingAnnouncement(
      domain: domain, proxy: peer, expiresAt: expiresAt, allowedEndpoints: allowedEndpoints, sharedWith: sharedWith)
  }
}

extension StoredAnnouncement: Comparable {
  /// By kind, name, peer and instance.
  public static func < (left: StoredAnnouncement, right: StoredAnnouncement) -> Bool {
    (left.kind.rawValue, left.domain, left.peer, left.instance?.text ?? "")
      < (right.kind.rawValue, right.domain, right.peer, right.instance?.text ?? "")
  }
}
