public import FoundationEssentials

/// What holds for announcements on both sides (PROTOCOL.md 10.1).
public enum AnnouncementRules {
  /// How far ahead an announcement may expire.
  public static let longestValidity: TimeInterval = Double(longestValidityInDays) * 24 * 60 * 60
  static let longestValidityInDays = 7

  /// What two clocks may differ by. The private proxy checks the same limit first, and must not be refused for being a
  /// little ahead.
  static let clockTolerance: TimeInterval = 60

  /// Whether an announcement is over. Announcements without expiry never are.
  public static func isExpired(_ expiresAt: Date?, now: Date) -> Bool {
    guard let expiresAt else { return false }
    return expiresAt <= now
  }

  static func isTooFar(_ expiresAt: Date?, now: Date) -> Bool {
    guard let expiresAt else { return false }
    return expiresAt.timeIntervalSince(now) > longestValidity + clockTolerance
  }
}

/// The bounds of a table of announcements. Times are in seconds.
public struct AnnouncementLimits: Hashable, Sendable {
  /// Names times private proxies of one operator: far more than anybody serves from one place, and few enough that one
  /// operator cannot fill our memory (about 400 bytes each).
  public var perOwner = 100_000
  /// Private proxies of one operator: more than anybody runs side by side. One that was restarted under a new id counts
  /// until it has been away for `ownershipGrace`.
  public var instancesPerOwner = 64
  /// How many partners one announcement may name.
  public var partners = 64
  /// How many bytes the name of a partner may have; each is kept, and a host name has no more.
  public var partnerName = 255
  /// For how long a name stays its owner's who is away (`ownership_grace`). Five minutes: a restart, an update, a provider
  /// that deals out a new address at night.
  public var ownershipGrace: TimeInterval = 5 * 60
  /// After which silence a private proxy counts as away that says which it is: those repeat themselves every 30 s, or say how often
  /// they do, so three in a row are missing. Others repeat themselves every ten minutes; of them the network's word alone counts.
  public var silence: TimeInterval = 100
  /// The same for one that was taken over from the store and not heard yet: the longest interval, and half of it.
  public var unheardSilence: TimeInterval = 15 * 60
  /// How many of its intervals a private proxy may be silent.
  static let missedRepetitions = 3.3
  /// For how long the names of an owner who is away stay in the table when nobody else wants them, so that its clients get
  /// an alert that says so and not somebody's wildcard. A week, as long as an announcement may hold.
  public var memory: TimeInterval = AnnouncementRules.longestValidity

  public init() {}
}
