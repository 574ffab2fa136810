import Announcements
import FoundationEssentials
import HyperModel

/// A moment to count from; the tests have no clock.
let noon = Date(timeIntervalSinceReferenceDate: 800_000_000)
let hour: TimeInterval = 3600
let day: TimeInterval = 24 * hour

let alice: OperatorName = "alice"
let bob: OperatorName = "bob"

func allowing(_ suffixes: String...) throws -> AllowedDomains { try AllowedDomains(suffixes) }

extension AnnouncementTable {
  /// Announces one name under `.example.org`.
  mutating func announce(
    _ domain: String, until expiresAt: Date? = nil, by owner: OperatorName = alice, now: Date = noon
  ) throws -> AnnouncementOutcome {
    try announce(
      [AnnouncementRequest(domain: domain, expiresAt: expiresAt)], by: owner, allowed: allowing(".example.org"), now: now)[0]
  }
}

extension AnnouncementOutcome {
  var refusal: AnnouncementRefusal? {
    guard case .refused(let refusal) = self else { return nil }
    return refusal
  }
}

extension OutgoingOutcome {
  var refusal: AnnouncementRefusal? {
    guard case .refused(let refusal) = self else { return nil }
    return refusal
  }
}
