/// One deadline per stream slot, in constant time, without an object per timer.
///
/// A ring of buckets of one tick each. A deadline beyond the ring waits in its last bucket and is moved on when its time
/// comes round, so hours cost no more than seconds. Long delays are rounded up (by up to 128 ms from 2 s on, by a second
/// from 16 s on), so that thousands of idle streams wake the loop once a second at most. Time is an argument.
///
/// Plain memory of its own, since every stream passes here several times: what is reached through `heads` and `occupied` is a
/// bucket of the ring, which every bucket is by its remainder, and what is reached through `entries` is below `entryCount`, by
/// a check where the number comes from outside, and because only such are linked.
struct TimerWheel: ~Copyable {
  /// How long a tick is. 32 ms: the shortest timeout that anybody sets is some hundreds of them.
  static let tickMilliseconds: UInt64 = 32
  static let bucketCount = 1024

  private static let none: Int32 = -1

  private struct Entry {
    var next = TimerWheel.none
    var previous = TimerWheel.none
    var bucket: Int16 = -1
    var deadline: UInt32 = 0
  }

  private let heads: UnsafeMutablePointer<Int32>
  /// One bit per bucket that is not empty.
  private let occupied: UnsafeMutablePointer<UInt64>
  private var entries: UnsafeMutablePointer<Entry>
  private var entryCount = 64
  /// The last tick that was handled.
  private(set) var current: UInt32
  /// No timer is due before this tick; none at all: `.max`. May be too early (its timer was cancelled or moved), never late:
  /// the loop asks every time before it sleeps, so the ring is searched only when this tick has come.
  private(set) var nextDue = UInt32.max

  init(now tick: UInt32 = 0) {
    current = tick
    heads = .allocate(capacity: Self.bucketCount)
    heads.initialize(repeating: Self.none, count: Self.bucketCount)
    occupied = .allocate(capacity: Self.bucketCount / 64)
    occupied.initialize(repeating: 0, count: Self.bucketCount / 64)
    entries = .allocate(capacity: entryCount)
    entries.initialize(repeating: Entry(), count: entryCount)
  }

  deinit {
    heads.deallocate()
    occupied.deallocate()
    entries.deallocate()
  }

  /// Sets or moves the deadline of `timer` (a slot number). A deadline that has passed expires at the next tick.
  ///
  /// One that is put off stays in the bucket where it is, and is moved on when that one comes round: the phases of a stream
  /// put its deadline off several times, and most streams end before any of them.
  mutating func schedule(_ timer: UInt32, at deadline: UInt32) {
    let index = Int(timer)
    if index >= entryCount { grow(beyond: index) }
    let rounded = Self.rounded(deadline, from: current)
    let isSet = entries[index].bucket >= 0
    if isSet, rounded < entries[index].deadline { unlink(index) }
    entries[index].deadline = rounded
    if entries[index].bucket < 0 { link(index) }
  }

  /// Forgets the deadline of `timer`, if it has one.
  mutating func cancel(_ timer: UInt32) {
    if Int(timer) < entryCount, entries[Int(timer)].bucket >= 0 { unlink(Int(timer)) }
  }

  private mutating func grow(beyond index: Int) {
    let count = max(index + 1, 2 * entryCount)
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: count)
    larger.moveInitialize(from: entries, count: entryCount)
    (larger + entryCount).initialize(repeating: Entry(), count: count - entryCount)
    entries.deallocate()
    entries = larger
    entryCount = count
  }

  /// Moves on to `tick` and appends the timers whose deadline has come to `expired`; they are forgotten.
  mutating func advance(to tick: UInt32, expired: inout [UInt32]) {
    guard tick > current else { return }
    guard tick >= nextDue else {
      current = tick
      return
    }
    // After a long sleep one turn of the ring covers everything.
    let first = tick - current > UInt32(Self.bucketCount) ? tick - UInt32(Self.bucketCount) + 1 : current + 1
    current = tick
    var moved: [Int] = []
    for step in first...tick {
      let bucket = Int(step) % Self.bucketCount
      while heads[bucket] != Self.none {
        let index = Int(heads[bucket])
        unlink(index)
        if entries[index].deadline <= tick { expired.append(UInt32(index)) } else { moved.append(index) }
      }
    }
    for index in moved { link(index) }
    nextDue = ticksUntilNext().map { current + $0 } ?? .max
  }

  /// How many ticks from `current` until a bucket is due; nil when there is no timer at all.
  func ticksUntilNext() -> UInt32? {
    let start = Int(current) + 1
    var offset = 0
    while offset < Self.bucketCount {
      let bucket = (start + offset) % Self.bucketCount
      let rest = occupied[bucket / 64] >> UInt64(bucket % 64)
      if rest != 0 {
        let found = offset + rest.trailingZeroBitCount
        return found < Self.bucketCount ? UInt32(found) + 1 : nil
      }
      offset += 64 - bucket % 64
    }
    return nil
  }

  private static func rounded(_ deadline: UInt32, from now: UInt32) -> UInt32 {
    let delay = deadline > now ? deadline - now : 0
    let past: UInt32 = delay >= 512 ? 31 : delay >= 64 ? 3 : 0
    let (up, overflow) = deadline.addingReportingOverflow(past)
    return overflow ? deadline : up & ~past
  }

  private mutating func link(_ index: Int) {
    let due = min(max(entries[index].deadline, current + 1), current + UInt32(Self.bucketCount) - 1)
    let bucket = Int(due) % Self.bucketCount
    let next = heads[bucket]
    entries[index].bucket = Int16(truncatingIfNeeded: bucket)
    entries[index].previous = Self.none
    entries[index].next = next
    if next != Self.none { entries[Int(next)].previous = Int32(truncatingIfNeeded: index) }
    heads[bucket] = Int32(truncatingIfNeeded: index)
    occupied[bucket / 64] |= 1 &<< UInt64(bucket % 64)
    nextDue = min(nextDue, due)
  }

  /// Of one that is linked.
  private mutating func unlink(_ index: Int) {
    let entry = entries[index]
    let bucket = Int(entry.bucket)
    if entry.previous == Self.none { heads[bucket] = entry.next } else { entries[Int(entry.previous)].next = entry.next }
    if entry.next != Self.none { entries[Int(entry.next)].previous = entry.previous }
    if heads[bucket] == Self.none { occupied[bucket / 64] &= ~(1 &<< UInt64(bucket % 64)) }
    entries[index].bucket = -1
    entries[index].next = Self.none
    entries[index].previous = Self.none
  }
}
