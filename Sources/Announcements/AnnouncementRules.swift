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
