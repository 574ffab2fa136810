import Limits
import Testing

@Suite struct FairTurnsTests {
  /// The value in a box, because the test macros cannot call what changes it.
  private final class Turns {
    private var turns: FairTurns<String, String, Int>

    init(_ rule: ShareRule) { turns = FairTurns(rule) }

    var taken: Int { turns.taken }
    var waiting: Int { turns.waiting }
    func taken(by holder: String) -> Int { turns.taken(by: holder) }
    func arrived(_ item: Int, of holder: String, in lane: String) -> Bool { turns.arrived(item, of: holder, in: lane) }
    func left(_ item: Int) { turns.left(item) }
    func finished(_ holder: String) -> Int? { turns.finished(holder) }
  }

  @Test func aHolderThatDoesNotAnswerLeavesTurnsForOthers() {
    let turns = Turns(ShareRule(limit: 8))
    #expect(
      (0..<10).map { turns.arrived($0, of: "frozen", in: "a") } == Array(repeating: true, count: 4) + Array(repeating: false, count: 6))
    // Another one is served as if nothing was.
    for number in 100..<200 {
      #expect(turns.arrived(number, of: "quick", in: "b"))
      #expect(turns.finished("quick") == nil)
    }
    #expect(turns.taken(by: "frozen") == 4 && turns.waiting == 6)
  }

  @Test func whoWaitsHasItsTurnInTheOrderOfArrival() {
    let turns = Turns(ShareRule(limit: 2, share: .fixed(1)))
    #expect((0..<4).map { turns.arrived($0, of: "h", in: "a") } == [true, false, false, false])
    #expect((0..<4).map { _ in turns.finished("h") } == [1, 2, 3, nil])
    #expect(turns.taken == 0 && turns.waiting == 0)
    #expect(turns.arrived(9, of: "h", in: "a"))
  }

  @Test func aLaneWithManyDoesNotDelayAnother() {
    let turns = Turns(ShareRule(limit: 1))
    #expect(turns.arrived(0, of: "h", in: "attacked"))
    for number in 1...50 { #expect(!turns.arrived(number, of: "h", in: "attacked")) }
    #expect(!turns.arrived(100, of: "h", in: "quiet"))
    #expect(!turns.arrived(101, of: "h", in: "quiet"))
    #expect((0..<5).map { _ in turns.finished("h") } == [1, 100, 2, 101, 3])
  }

  @Test func holdersTakeTurnsWhenThereAreFew() {
    let turns = Turns(ShareRule(limit: 1))
    #expect(turns.arrived(0, of: "a", in: ""))
    for number in 1...3 { #expect(!turns.arrived(number, of: "a", in: "")) }
    for number in 11...12 { #expect(!turns.arrived(number, of: "b", in: "")) }
    #expect(turns.finished("a") == 1)
    #expect(turns.finished("a") == 11)
    #expect(turns.finished("b") == 2)
    #expect(turns.finished("a") == 12)
    #expect(turns.finished("b") == 3)
    #expect(turns.finished("a") == nil)
    #expect(turns.taken == 0)
  }

  @Test func whoLeavesIsNotCalled() {
    let turns = Turns(ShareRule(limit: 1))
    #expect(turns.arrived(0, of: "h", in: "a"))
    for number in 1...3 { #expect(!turns.arrived(number, of: "h", in: "a")) }
    #expect(!turns.arrived(4, of: "h", in: "b"))
    turns.left(1)
    turns.left(4)
    turns.left(0)
    turns.left(77)
    #expect(turns.waiting == 2)
    #expect((0..<3).map { _ in turns.finished("h") } == [2, 3, nil])
  }

  /// Random arrivals, ends and departures: nobody waits while there is nothing to wait for, and nothing is lost or remembered.
  @Test func nothingIsLostOrKept() {
    var generator = SystemRandomNumberGenerator()
    let turns = Turns(ShareRule(limit: 6))
    var active: [(item: Int, holder: String)] = []
    var holders: [Int: String] = [:]
    var waiting: Set<Int> = []
    for item in 0..<20_000 {
      switch Int.random(in: 0..<5, using: &generator) {
      case 0..<3 where waiting.count < 40:
        let holder = ["x", "y", "z"].randomElement(using: &generator) ?? "x"
        holders[item] = holder
        if turns.arrived(item, of: holder, in: "\(item % 4)") { active.append((item, holder)) } else { waiting.insert(item) }
      case 3:
        guard let gone = waiting.randomElement(using: &generator) else { continue }
        turns.left(gone)
        waiting.remove(gone)
      default:
        guard !active.isEmpty else { continue }
        let ended = active.remove(at: Int.random(in: active.indices, using: &generator))
        if let next = turns.finished(ended.holder) {
          #expect(waiting.remove(next) != nil)
          active.append((next, holders[next] ?? ""))
        }
      }
      #expect(turns.taken == active.count && turns.waiting == waiting.count)
      #expect(active.count <= 6)
      if active.isEmpty { #expect(waiting.isEmpty) }
    }
    while let ended = active.popLast() {
      if let next = turns.finished(ended.holder) { active.append((next, holders[next] ?? "")) }
    }
    #expect(turns.waiting == 0 && turns.taken == 0)
  }
}
