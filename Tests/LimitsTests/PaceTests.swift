import Limits
import Testing

@Suite struct PaceTests {
  private let second: UInt64 = 1_000_000_000

  /// How many of those that come at these times are admitted.
  private func admitted(_ pace: Pace, at times: [UInt64]) -> Int {
    var state: UInt64 = 0
    return times.count { now in
      guard let next = pace.admit(state, now: now) else { return false }
      state = next
      return true
    }
  }

  @Test func asManyAsThePeriodHasMayComeAtOnce() {
    let pace = Pace(10, per: .seconds(1))
    #expect(admitted(pace, at: Array(repeating: 5 * second, count: 50)) == 10)
    #expect(admitted(pace, at: Array(repeating: 0, count: 50)) == 10)
  }

  @Test func whatIsUsedUpComesBackEvenly() {
    let pace = Pace(10, per: .seconds(1))
    let burst = Array(repeating: second, count: 10)
    #expect(admitted(pace, at: burst + [second + second / 10 - 1]) == 10)
    #expect(admitted(pace, at: burst + [second + second / 10]) == 11)
    #expect(admitted(pace, at: burst + Array(repeating: second + second / 2, count: 10)) == 15)
    #expect(admitted(pace, at: burst + Array(repeating: 2 * second, count: 20)) == 20)
    #expect(admitted(pace, at: burst + Array(repeating: 100 * second, count: 20)) == 20)
  }

  @Test func whoKeepsThePaceIsNeverHeldBack() {
    let pace = Pace(100, per: .seconds(60))
    #expect(admitted(pace, at: (0..<1000).map { UInt64($0) * 60 * second / 100 }) == 1000)
  }

  @Test func whatIsTurnedAwayDoesNotCount() {
    let pace = Pace(1, per: .seconds(1))
    // A flood of ten per tick still gets its one per second.
    let flood = (0..<100).map { UInt64($0) * second / 10 }
    #expect(admitted(pace, at: flood) == 10)
  }

  @Test(arguments: [
    (0, Duration.seconds(1)), (-5, .seconds(1)), (1, .zero), (.max, .nanoseconds(1)), (1, .seconds(Int64.max)), (.max, .seconds(Int64.max)),
  ])
  func anyNumbersGiveAPace(limit: Int, period: Duration) {
    let pace = Pace(limit, per: period)
    #expect(pace.admit(0, now: 0) != nil)
    var state: UInt64 = 0
    for now: UInt64 in [0, 1, second, .max / 2] { state = pace.admit(state, now: now) ?? state }
  }

  @Test func sourcesDoNotDisturbEachOther() {
    let (table, key) = (PaceTable(Pace(3, per: .seconds(1))), BucketKey(42))
    #expect((0..<10).count { _ in table.admit(key.bucket(of: 7), now: second) } == 3)
    #expect((1000..<1100).count { table.admit(key.bucket(of: $0), now: second) } >= 99)
    #expect(table.admit(key.bucket(of: 7), now: 2 * second))
  }

  @Test func threadsShareOnePace() async {
    let table = PaceTable(Pace(1000, per: .seconds(1)))
    let bucket = BucketKey(1).bucket(of: 5)
    let admitted = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 { group.addTask { (0..<5000).count { _ in table.admit(bucket, now: 1) } } }
      return await group.reduce(0, +)
    }
    #expect(admitted == 1000)
  }

  @Test func sourcesThatDifferInOneBitAreSpread() {
    let key = BucketKey(99)
    let buckets = Set((0..<64).map { key.bucket(of: 1 << $0) } + (0..<64).map { key.bucket(of: UInt64($0) << 24) })
    #expect(buckets.count >= 120)
  }

  @Test func countsOfOneBucketAreApart() async {
    let counts = BucketCounts(columns: 3)
    let (here, there) = (Bucket(number: 7), Bucket(number: .max))
    #expect(counts.add(2, here, 1) == 0)
    #expect(counts.add(5, here, 1) == 2)
    counts.subtract(3, here, 1)
    #expect([0, 1, 2].map { counts.count(here, $0) } == [0, 4, 0])
    #expect(counts.add(1, there, 2) == 0)
    #expect(counts.count(there, 2) == 1)
  }
}
