import FoundationEssentials
import HyperModel

/// Who is connected, and since when others are not: one record for each party that holds names.
///
/// Whoever has just spoken is connected, and so is everybody taken over from the store until something else is known: a
/// wrong guess that way costs one client a failed notice, the other way a working service its clients.
struct Presence: Sendable {
  /// Why a party counts as away.
  private enum Reason: Sendable {
    /// The network has no connection to it. Over when it has one again.
    case lost
    /// A notice could not be delivered although the network has a connection. Over when the party is heard, or answers one.
    case unreachable
    /// The party has said so itself. Over when it is heard.
    case stopped
  }

  private struct Record: Sendable {
    var instance: InstanceID?
    /// The node through which it was heard last; nil when that does not say which it is.
    var node: String?
    /// How many announcements it has.
    var holds: Int
    /// When it was last heard or, before that, when it was taken over.
    var heard: Date
    /// How long after that it counts as connected, if it says which it is.
    var silence: TimeInterval
    /// When something came from it last; nil before anything did.
    var spoke: Date?
    var away: (since: Date, reason: Reason)?
    var calls = CallHistory()
  }

  /// Few instances each (`AnnouncementLimits.instancesPerOwner`): searched one by one.
  private var records: [OperatorName: [Record]] = [:]
  /// All of an owner's announcements.
  private var holds: [OperatorName: Int] = [:]
  private let silence: TimeInterval
  private let unheardSilence: TimeInterval

  init(silence: TimeInterval, unheardSilence: TimeInterval) {
    self.silence = silence
    self.unheardSilence = unheardSilence
  }

  func holds(of owner: OperatorName) -> Int { holds[owner, default: 0] }

  func holds(of party: Party) -> Int { record(of: party)?.holds ?? 0 }

  func instances(of owner: OperatorName) -> Int { records[owner]?.count ?? 0 }

  /// Whether something has come from each of an operator's parties since then; false when none is known, and for what came before the
  /// clock was set back.
  func haveSpoken(_ owner: OperatorName, since start: Date, now: Date) -> Bool {
    records[owner]?.allSatisfy { $0.spoke.map { $0 > start && $0 <= now } ?? false } ?? false
  }

  func isKnown(_ party: Party) -> Bool { index(of: party) != nil }

  var owners: [OperatorName] { Array(records.keys) }

  mutating func addHold(of party: Party, heard: Bool, now: Date) {
    holds[party.owner, default: 0] += 1
    if let index = index(of: party) {
      records[party.owner]?[index].holds += 1
    } else {
      let record = Record(
        instance: party.instance, node: nil, holds: 1, heard: now, silence: heard ? silence : unheardSilence, spoke: heard ? now : nil,
        away: nil)
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

  /// Something came from the party itself, through this node.
  ///
  /// - Parameter interval: how often it comes; nil when it does not say.
  mutating func heard(_ party: Party, through node: String?, every interval: TimeInterval?, now: Date) {
    guard let index = index(of: party) else { return }
    records[party.owner]?[index].silence = max(silence, (interval ?? 0) * AnnouncementLimits.missedRepetitions)
    records[party.owner]?[index].node = node
    records[party.owner]?[index].heard = now
    records[party.owner]?[index].spoke = now
    records[party.owner]?[index].away = nil
  }

  /// Whether a later call of the party has been carried out already.
  func isOvertaken(_ order: CallOrder, of party: Party) -> Bool { record(of: party)?.calls.isOvertaken(order) ?? false }

  /// A call of the party has been carried out.
  mutating func carriedOut(_ order: CallOrder, of party: Party) {
    guard let index = index(of: party) else { return }
    records[party.owner]?[index].calls.carriedOut(order)
  }

  /// The network has connections to the operator's nodes with these names; to one that has none when there are no names. Parties that
  /// were heard through another node are not behind them; of the others nothing is known, and those that are there will soon be heard.
  mutating func connected(_ owner: OperatorName, nodes: Set<String>, now: Date) {
    for index in records[owner]?.indices ?? 0..<0 {
      guard let record = records[owner]?[index] else { continue }
      if let node = record.node, !nodes.isEmpty, !nodes.contains(node) {
        leave(owner, index, .lost, now: now)
      } else if record.away?.reason == .lost {
        records[owner]?[index].away = nil
        records[owner]?[index].heard = now
      }
    }
  }

  /// The clock was set: what was known before is told in its new time, since nobody was silent for any longer.
  mutating func clockJumped(by seconds: TimeInterval) {
    for owner in records.keys {
      for index in records[owner]?.indices ?? 0..<0 {
        records[owner]?[index].heard += seconds
        records[owner]?[index].away?.since += seconds
      }
    }
  }

  /// The network has no connection to the operator any more.
  mutating func disconnected(_ owner: OperatorName, now: Date) {
    for index in records[owner]?.indices ?? 0..<0 { leave(owner, index, .lost, now: now) }
  }

  /// The party says that it stops.
  mutating func stopped(_ party: Party, now: Date) {
    guard let index = index(of: party) else { return }
    leave(party.owner, index, .stopped, now: now)
    records[party.owner]?[index].away?.reason = .stopped
  }

  /// The party could not be reached although its operator is connected. Only those count that say which they are: they repeat themselves, so
  /// that they are not away for long by mistake.
  mutating func unreachable(_ party: Party, now: Date) {
    guard party.instance != nil, let index = index(of: party) else { return }
    leave(party.owner, index, .unreachable, now: now)
  }

  /// Whether a party counts as away because it could not be reached.
  func isUnreachable(_ party: Party) -> Bool { record(of: party)?.away?.reason == .unreachable }

  /// The party could be reached after all.
  mutating func reached(_ party: Party) {
    guard isUnreachable(party), let index = index(of: party) else { return }
    records[party.owner]?[index].away = nil
  }

  /// Since when a party has been away; nil while it is connected.
  func awaySince(_ party: Party, now: Date) -> Date? {
    guard let index = index(of: party) else { return .distantPast }
    return awaySince(party.owner, index, now: now)
  }

  /// Whether the party itself has said that it is away.
  func hasStopped(_ party: Party) -> Bool { record(of: party)?.away?.reason == .stopped }

  func lastSeen(_ party: Party) -> Date? {
    guard let record = record(of: party), record.spoke != nil else { return nil }
    return record.heard
  }

  /// The node through which a party was heard last.
  func node(of party: Party) -> String? { record(of: party)?.node }

  private mutating func leave(_ owner: OperatorName, _ index: Int, _ reason: Reason, now: Date) {
    guard records[owner]?[index].away == nil else { return }
    let since = awaySince(owner, index, now: now) ?? now
    records[owner]?[index].away = (since, reason)
  }

  private func awaySince(_ owner: OperatorName, _ index: Int, now: Date) -> Date? {
    guard let record = records[owner]?[index] else { return .distantPast }
    if let away = record.away { return away.since }
    guard record.instance != nil else { return nil }
    let end = record.heard + record.silence
    return end <= now ? end : nil
  }

  private func record(of party: Party) -> Record? { index(of: party).flatMap { records[party.owner]?[$0] } }

  private func index(of party: Party) -> Int? {
    records[party.owner]?.firstIndex { $0.instance == party.instance }
  }
}
