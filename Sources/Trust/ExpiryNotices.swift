public import struct Foundation.Date

/// When the first certificate of a file ends.
public struct CertificateExpiry: Hashable, Sendable {
  public let file: String
  /// Whose certificate it is, as it says itself.
  public let subject: String
  public let notValidAfter: Date
}

/// Decides when to say that a certificate ends soon: from 30 days ahead, once a day. A value; the time comes in as an argument.
struct ExpiryNotices: Sendable {
  struct Notice: Hashable, Sendable {
    var expiry: CertificateExpiry
    /// Whole days, rounded down; negative when it has ended.
    var daysLeft: Int
  }

  static let noticeTime: Double = 30 * day
  static let day: Double = 86_400

  private var told: [CertificateExpiry: Date] = [:]

  mutating func due(_ expiries: Set<CertificateExpiry>, now: Date) -> [Notice] {
    // A certificate that was replaced is nothing to remember.
    told = told.filter { expiries.contains($0.key) }
    let due = expiries.filter { expiry in
      guard expiry.notValidAfter.timeIntervalSince(now) < Self.noticeTime else { return false }
      return told[expiry].map { now.timeIntervalSince($0) >= Self.day } ?? true
    }
    for expiry in due { told[expiry] = now }
    return due.map { Notice(expiry: $0, daysLeft: Int(($0.notValidAfter.timeIntervalSince(now) / Self.day).rounded(.down))) }
      .sorted { ($0.expiry.notValidAfter, $0.expiry.file) < ($1.expiry.notValidAfter, $1.expiry.file) }
  }
}
