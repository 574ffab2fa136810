public import Announcements
public import FoundationEssentials
public import HyperModel

/// An announcement of either side as it is kept on disk (PROTOCOL.md 10.8).
public struct StoredAnnouncement: Hashable, Sendable {
  /// Whose announcement it is. The numbers are those of PROTOCOL.md 10.8.
  public enum Kind: Int, Hashable, Sendable, CaseIterable {
    /// Of a public proxy: `peer` owns the name. A name has one owner.
    case publicSide = 1
    /// Of a private proxy: `peer` is the public proxy the name is announced to. A name may go to several.
    case privateSide = 2
  }

  public var kind: Kind
  public var domain: String
  public var peer: OperatorName
  public var expiresAt: Date?
  /// Used on the private side only.
  public var allowedEndpoints: [String]

  public init(kind: Kind, domain: String, peer: OperatorName, expiresAt: Date? = nil, allowedEndpoints: [String] = []) {
    self.kind = kind
    self.domain = domain
    self.peer = peer
    self.expiresAt = expiresAt
    self.allowedEndpoints = allowedEndpoints
  }
}

extension StoredAnnouncement {
  public init(_ announcement: Announcement) {
    self.init(
      kind: .publicSide, domain: announcement.domain, peer: announcement.owner, expiresAt: announcement.expiresAt)
  }

  public init(_ announcement: OutgoingAnnouncement) {
    self.init(
      kind: .privateSide, domain: announcement.domain, peer: announcement.proxy, expiresAt: announcement.expiresAt,
      allowedEndpoints: announcement.allowedEndpoints)
  }

  /// The announcement of a public proxy; nil for one of the other side.
  public var announcement: Announcement? {
    guard kind == .publicSide else { return nil }
    return Announcement(domain: domain, owner: peer, expiresAt: expiresAt)
  }

  /// The announcement of a private proxy; nil for one of the other side.
  public var outgoing: OutgoingAnnouncement? {
    guard kind == .privateSide else { return nil }
    return OutgoingAnnouncement(domain: domain, proxy: peer, expiresAt: expiresAt, allowedEndpoints: allowedEndpoints)
  }
}
