import FoundationEssentials
import HyperModel

/// Who is connected, and since when others are not: one record for each party that holds names.
///
/// Whoever has just spoken is connected, and so is everybody taken over from the store until something else is known: a
/// wrong guess that way costs one client a failed notice, the other way a working service its clients.
struct Presence: Sendable {
  private struct Record: Sendable {
    var instance: InstanceID?
    /// How many announcements it has.
    var holds: Int
    /// When it was last heard or, before that, when it was taken over.
    var heard: Date
    var wasHeard: Bool
    var awaySince: Date?
  }

  /// Few instances each (`AnnouncementLimits.instancesPerOwner`): searched one by one.
  private var records: [OperatorName: [Record]] = [:]
  /// All of an owner's announcements.
  private var holds: [OperatorName: Int] = [:]
  private let silence: TimeInterval

  init(silence: TimeInterval) {
    self.silence = silence
  }

  func holds(of owner: OperatorName) -> Int { holds[owner, default: 0] }

  func instances(of owner: OperatorName) -> Int { records[owner]?.count ?? 0 }

  func isKnown(_ party: Party) -> Bool { index(of: party) != nil }

  var owners: [OperatorName] { Array(records.keys) }

  mutating func addHold(of party: Party, heard: Bool, now: Date) {
    holds[party.owner, default: 0] += 1
    if let index = index(of: party) {
      records[party.owner]?[index].holds += 1
    } else {
      let record = Record(instance: party.instance, holds: 1, heard: now, wasHeard: heard, awaySince: nil)
      records[party.owner, default: []].append(record)
    }
  }

  mutating func removeHold(of party: Party) {
    let left = holds[party.owner, default: 0] - 1
    holds[party.owner] = left > 0 ? left : nil
    guard let index = index(of: party) else { return }
    records[party.owner]?[index].holds -= 1
    if records[party.owner]?[index].holds == 0 { records[party.owner]?.remove(at: index) }
    if records[party.owner]?.isEmpty == true { records[party.owner] = nil }
  }

  /// Something came from the party itself.
  mutating func heard(_ party: Party, now: Date) {
    guard let index = index(of: party) else { return }
    records[party.owner]?[index].heard = now
    records[party.owner]?[index].wasHeard = true
    records[party.owner]?[index].awaySince = nil
  }

  /// The network has a connection to the operator. Which of its private proxies are behind it is not known; those that are
  /// will soon be heard.
  mutating func connected(_ owner: OperatorName, now: Date) {
    for index in records[owner]?.indices ?? 0..<0 where awaySince(owner, index, now: now) != nil {
      records[owner]?[index].awaySince = nil
      records[owner]?[index].heard = now
    }
  }

  /// The network has no connection to the operator any more.
  mutating func disconnected(_ owner: OperatorName, now: Date) {
    for index in records[owner]?.indices ?? 0..<0 {
      let since = awaySince(owner, index, now: now) ?? now
      records[owner]?[index].awaySince = since
    }
  }

  /// The party says that it stops, or could not be reached although its operator is connected.
  mutating func stopped(_ party: Party, now: Date) {
    guard let index = index(of: party) else { return }
    let since = awaySince(party.owner, index, now: now) ?? now
    records[party.owner]?[index].awaySince = since
  }

  /// Since when a party has been away; nil while it is connected.
  func awaySince(_ party: Party, now: Date) -> Date? {
    guard let index = index(of: party) else { return .distantPast }
    return awaySince(party.owner, index, now: now)
  }

  func lastSeen(_ party: Party) -> Date? {
    guard let index = index(of: party), let record = records[party.owner]?[index], record.wasHeard else { return nil }
    return record.heard
  }

  private func awaySince(_ owner: OperatorName, _ index: Int, now: Date) -> Date? {
    guard let record = records[owner]?[index] else { return .distantPast }
    if let since = record.awaySince { return since }
    guard record.instance != nil else { return nil }
    let end = record.heard + silence
    return end <= now ? end : nil
  }

  private func index(of party: Party) -> Int? {
    records[party.owner]?.firstIndex { $0.instance == party.instance }
  }
}
