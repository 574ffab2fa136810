/// Turns for something of which only so much may go on at one time: each of many holders has a fair share of it, and of one holder's
/// items that wait, each of its lanes has the next in turn, so that a lane with many keeps no other waiting.
///
/// A value that remembers only who has a turn and what waits. What waits is bounded by whoever brings it.
public struct FairTurns<Holder: Hashable & Sendable, Lane: Hashable & Sendable, Item: Hashable & Sendable>: Sendable {
  /// What waits for one holder.
  private struct Line {
    /// Never empty ones.
    var lanes: [Lane: [Item]] = [:]
    /// The next one first.
    var order: [Lane] = []

    mutating func append(_ item: Item, to lane: Lane) {
      if lanes[lane] == nil { order.append(lane) }
      lanes[lane, default: []].append(item)
    }

    mutating func next() -> Item? {
      guard let lane = order.first, let item = lanes[lane]?.removeFirst() else { return nil }
      order.removeFirst()
      if lanes[lane]?.isEmpty == false { order.append(lane) } else { lanes[lane] = nil }
      return item
    }

    mutating func remove(_ item: Item, of lane: Lane) {
      // Those that leave have mostly waited longest.
      guard let position = lanes[lane]?.firstIndex(of: item) else { return }
      lanes[lane]?.remove(at: position)
      guard lanes[lane]?.isEmpty == true else { return }
      lanes[lane] = nil
      order.removeAll { $0 == lane }
    }
  }

  private var shares: FairShares<Holder>
  private var lines: [Holder: Line] = [:]
  /// Holders for whom something waits; the next one first.
  private var order: [Holder] = []
  private var places: [Item: (holder: Holder, lane: Lane)] = [:]

  public init(_ rule: ShareRule) {
    shares = FairShares(rule)
  }

  /// How many turns are taken.
  public var taken: Int { shares.taken }
  public var waiting: Int { places.count }

  public func taken(by holder: Holder) -> Int { shares.held(by: holder) }

  /// True when the item has its turn at once, false when it waits for it. Each turn has to be given back by `finished`.
  public mutating func arrived(_ item: Item, of holder: Holder, in lane: Lane) -> Bool {
    // Whoever waits has been there before.
    if lines[holder] == nil, shares.take(holder) == .admitted { return true }
    guard places[item] == nil else { return false }
    if lines[holder] == nil { order.append(holder) }
    lines[holder, default: Line()].append(item, to: lane)
    places[item] = (holder, lane)
    return false
  }

  /// An item that may be waiting does not want its turn any longer.
  public mutating func left(_ item: Item) {
    guard let (holder, lane) = places.removeValue(forKey: item) else { return }
    lines[holder]?.remove(item, of: lane)
    forgetIfEmpty(holder)
  }

  /// A turn of a holder is over.
  ///
  /// - Returns: whose turn it is now.
  public mutating func finished(_ holder: Holder) -> Item? {
    shares.release(holder)
    for _ in order.indices {
      let next = order.removeFirst()
      order.append(next)
      guard shares.take(next) == .admitted, let item = lines[next]?.next() else { continue }
      places[item] = nil
      forgetIfEmpty(next)
      return item
    }
    return nil
  }

  private mutating func forgetIfEmpty(_ holder: Holder) {
    guard lines[holder]?.order.isEmpty == true else { return }
    lines[holder] = nil
    order.removeAll { $0 == holder }
  }
}
