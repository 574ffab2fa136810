import HyperModel

/// The peers' requests that are being carried out: no peer can have one id in flight twice, which ends delivery loops.
///
/// Existing nodes look at the id alone; here two peers may use the same one.
struct InFlightTable {
  private var ids: [OperatorName: Set<[UInt8]>] = [:]
  private let limitPerCaller: Int

  enum Entry: Hashable {
    case entered
    case alreadyThere
    case tooMany
  }

  init(limitPerCaller: Int) {
    self.limitPerCaller = limitPerCaller
  }

  /// A request that has `entered` must `leave`; the others must not.
  mutating func enter(id: String, caller: OperatorName) -> Entry {
    let key = Array(id.utf8)
    let present = ids[caller]
    if let present, present.contains(key) { return .alreadyThere }
    if (present?.count ?? 0) >= limitPerCaller { return .tooMany }
    ids[caller, default: []].insert(key)
    return .entered
  }

  mutating func leave(id: String, caller: OperatorName) {
    ids[caller]?.remove(Array(id.utf8))
    if ids[caller]?.isEmpty == true { ids[caller] = nil }
  }

  var isEmpty: Bool { ids.isEmpty }
}
