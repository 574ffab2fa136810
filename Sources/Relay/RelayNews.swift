/// Events that are told together, of each stream in their order: `while let event = news.next()`.
///
/// Ends lie apart and come last, since nothing comes behind a stream's end. They are the many, one for every client, and kept as
/// plain values: a piece of memory for each, taken by the loop and freed by its reader, would cost more than all else about them.
public struct RelayNews: Sendable {
  private(set) var events: [RelayEvent] = []
  private(set) var ends: [StreamSummary] = []
  /// How many were read.
  private var position = 0

  var count: Int { events.count + ends.count }
  var isEmpty: Bool { events.isEmpty && ends.isEmpty }

  /// The next event; nil behind the last one.
  public mutating func next() -> RelayEvent? {
    let place = position
    position = place + 1
    if place < events.count { return events[place] }
    let ended = place - events.count
    return ended < ends.count ? .ended(ends[ended]) : nil
  }

  mutating func append(_ event: consuming RelayEvent) { events.append(event) }

  @inline(__always)
  mutating func append(_ end: consuming StreamSummary) { ends.append(end) }

  /// Room for so many ends, so that a batch does not grow step by step.
  mutating func reserve(_ count: Int) { ends.reserveCapacity(count) }

  mutating func append(contentsOf others: borrowing RelayNews) {
    events.append(contentsOf: others.events)
    ends.append(contentsOf: others.ends)
  }

  /// The last ones.
  mutating func drop(_ count: Int) {
    let ended = min(count, ends.count)
    ends.removeLast(ended)
    events.removeLast(min(count - ended, events.count))
  }

  mutating func removeAll() {
    events.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }
}
