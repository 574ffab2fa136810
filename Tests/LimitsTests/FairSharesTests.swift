import Limits
import Testing

@Suite struct FairSharesTests {
  /// Each of the sources asks again and again, in turn, until nobody gets anything; how many each then has.
  private func saturated(_ shares: inout FairShares<String>, _ sources: [String]) -> [Int] {
    var isMoving = true
    while isMoving { isMoving = sources.map { shares.take($0) == .admitted }.contains(true) }
    return sources.map { shares.held(by: $0) }
  }

  @Test func oneWhoTakesAllItCanLeavesHalf() {
    var shares = FairShares<String>(ShareRule(limit: 100))
    #expect(saturated(&shares, ["hog"]) == [50])
    #expect(shares.take("hog") == .tooMany)
    // Everybody else is served at once.
    for number in 0..<50 { #expect(shares.take("guest \(number)") == .admitted) }
    #expect(shares.taken == 100)
    #expect(shares.take("late") == .full)
  }

  @Test func severalWhoTakeAllTheyCanGetTheSame() {
    var shares = FairShares<String>(ShareRule(limit: 100))
    #expect(saturated(&shares, ["a", "b", "c"]) == [25, 25, 25])
    #expect(shares.take("d") == .admitted)
  }

  @Test func aLateComerGetsItsShareBackFromWhatIsReleased() {
    var shares = FairShares<String>(ShareRule(limit: 100))
    _ = saturated(&shares, ["a"])
    _ = saturated(&shares, ["b"])
    #expect(shares.held(by: "b") == 25)
    for _ in 0..<50 {
      shares.release("a")
      _ = saturated(&shares, ["b", "a"])
    }
    #expect(abs(shares.held(by: "a") - shares.held(by: "b")) <= 1)
  }

  @Test func theBoundOfOneHoldsWhateverIsFree() {
    var shares = FairShares<String>(ShareRule(limit: 100, share: .fixed(3)))
    #expect(saturated(&shares, ["a", "b"]) == [3, 3])
    #expect(shares.take("a") == .tooMany)
  }

  @Test func aFewAreAssuredWhileAnythingIsFree() {
    var shares = FairShares<String>(ShareRule(limit: 10, assured: 4))
    #expect(saturated(&shares, ["a", "b"]) == [4, 4])
    #expect(saturated(&shares, ["c"]) == [2])
    #expect(shares.take("d") == .full)
  }

  @Test(arguments: [(1, 510, 255), (16, 960, 333)])
  func aWeightSaysHowMuchOneMayTakeOfWhatIsThere(weight: Int, alone: Int, each: Int) {
    let rule = ShareRule(limit: 1020, share: .fair(weight: weight))
    var lone = FairShares<String>(rule)
    #expect(saturated(&lone, ["hog"]) == [alone])
    var shares = FairShares<String>(rule)
    let held = saturated(&shares, ["a", "b", "c"])
    #expect(held.allSatisfy { abs($0 - each) <= 1 }, "\(held)")
    #expect(saturated(&shares, ["late"])[0] > 0)
  }

  @Test(arguments: [Int.max, .max / 2, 1]) func noNumberIsTooLarge(weight: Int) {
    let rule = ShareRule(limit: .max, share: .fair(weight: weight))
    #expect(rule.verdict(held: 5, taken: 5) == .admitted)
    #expect(rule.verdict(held: .max, taken: .max - 1) == .tooMany)
    #expect(rule.verdict(held: 1, free: -7) == .tooMany)
  }

  @Test func onlyThoseWithPlacesAreRemembered() {
    var shares = FairShares<Int>(ShareRule(limit: 10))
    for key in 0..<1000 {
      #expect(shares.take(key) == .admitted)
      #expect(shares.sources == 1)
      shares.release(key)
    }
    #expect(shares.sources == 0)
    #expect(shares.taken == 0)
    shares.release(7)
    #expect(shares.taken == 0)
  }

  @Test(arguments: [0, -1])
  func withoutPlacesNobodyGetsOne(limit: Int) {
    var shares = FairShares<Int>(ShareRule(limit: limit, assured: 5))
    #expect(shares.take(1) == .full)
  }
}
