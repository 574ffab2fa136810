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

/// An announcement as the table gives it back.
func held(
  _ domain: String, by owner: OperatorName = alice, instance: InstanceID? = nil, until expiresAt: Date? = nil, since: Date? = noon,
  sharedWith: Set<OperatorName> = []
) -> Announcement {
  Announcement(
    domain: domain, owner: owner, instance: instance, expiresAt: expiresAt, since: since, sharedWith: sharedWith)
}

extension AnnouncementTable {
  /// Announces one name under `.example.org`.
  mutating func announce(
    _ domain: String, until expiresAt: Date? = nil, by owner: OperatorName = alice, instance: InstanceID? = nil,
    sharedWith: Set<OperatorName> = [], now: Date = noon
  ) throws -> AnnouncementOutcome {
    try report(domain, until: expiresAt, by: owner, instance: instance, sharedWith: sharedWith, now: now).outcomes[0]
  }

  /// As `announce`, with what was displaced.
  mutating func report(
    _ domain: String, until expiresAt: Date? = nil, by owner: OperatorName = alice, instance: InstanceID? = nil,
    sharedWith: Set<OperatorName> = [], now: Date = noon
  ) throws -> AnnouncementReport {
    announce(
      [AnnouncementRequest(domain: domain, expiresAt: expiresAt, sharedWith: sharedWith)], by: owner, instance: instance,
      allowed: try allowing(".example.org"), now: now)
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
