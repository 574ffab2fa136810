import Testing

@testable import Relay

struct DialPlanTests {
  private let addresses: [SocketAddress] = (1...3).compactMap { number in
    guard case .success(let found) = SocketAddress.look(up: "192.0.2.\(number)", port: 80, .numeric) else { return nil }
    return found.first
  }

  @Test func addressesAreTriedInTurnAndTheLastFailureIsReported() {
    var plan = DialPlan(deadline: 300)
    #expect(plan.nextCheck == 300)
    #expect(text(plan.resolved(addresses, now: 0)) == "192.0.2.1:80")
    #expect(text(plan.attemptFailed(0, "one", now: 1)) == "192.0.2.2:80")
    #expect(text(plan.attemptFailed(1, "two", now: 2)) == "192.0.2.3:80")
    #expect(
      text(plan.attemptFailed(2, "three", now: 3)) == "fail: 192.0.2.1:80: one; 192.0.2.2:80: two; 192.0.2.3:80: three")
    #expect(!plan.isPending)
  }

  @Test func aSilentAddressIsJoinedByTheNextAfterAMoment() {
    var plan = DialPlan(deadline: 300)
    _ = plan.resolved(addresses, now: 0)
    #expect(plan.nextCheck == DialPlan.attemptDelay)
    #expect(text(plan.timePassed(now: 7)) == "wait")
    #expect(text(plan.timePassed(now: 8)) == "192.0.2.2:80")
    #expect(plan.underWay == [0, 1])
    #expect(plan.nextCheck == 16)
    #expect(text(plan.timePassed(now: 16)) == "192.0.2.3:80")
    #expect(plan.nextCheck == 300)
    #expect(text(plan.timePassed(now: 299)) == "wait")
    #expect(
      text(plan.timePassed(now: 300))
        == "fail: 192.0.2.1:80: no answer in time; 192.0.2.2:80: no answer in time; 192.0.2.3:80: no answer in time")
    #expect(plan.underWay == [])
  }

  @Test func theFirstConnectionWinsWhicheverItIs() {
    for winner in 0..<3 {
      var plan = DialPlan(deadline: 300)
      _ = plan.resolved(addresses, now: 0)
      _ = plan.timePassed(now: 8)
      _ = plan.timePassed(now: 16)
      plan.connected(winner)
      #expect(plan.state == .connected)
      #expect(plan.underWay == [], "the others are to be closed")
      #expect(text(plan.attemptFailed((winner + 1) % 3, "late", now: 17)) == "wait")
    }
  }

  @Test func aFailureBringsTheNextAddressForwardAndTheOthersGoOn() {
    var plan = DialPlan(deadline: 300)
    _ = plan.resolved(addresses, now: 0)
    _ = plan.timePassed(now: 8)
    #expect(text(plan.attemptFailed(1, "refused", now: 9)) == "192.0.2.3:80")
    #expect(plan.underWay == [0, 2])
    #expect(text(plan.attemptFailed(2, "refused", now: 10)) == "wait")
    #expect(plan.nextCheck == 300)
    plan.connected(0)
    #expect(plan.state == .connected)
  }

  @Test func shortTimeIsShared() {
    var plan = DialPlan(deadline: 6)
    _ = plan.resolved(addresses, now: 0)
    #expect(plan.nextCheck == 2)
    #expect(text(plan.timePassed(now: 2)) == "192.0.2.2:80")
    #expect(plan.nextCheck == 4)
  }

  @Test func theOldestAttemptGivesWayInALongList() {
    var plan = DialPlan(deadline: 1000)
    let many = addresses + addresses
    _ = plan.resolved(many, now: 0)
    for round in 1..<6 { _ = plan.timePassed(now: UInt32(round) * DialPlan.attemptDelay) }
    #expect(plan.underWay == [2, 3, 4, 5])
  }

  @Test func familiesTakeTurns() throws {
    func find(_ host: String) throws -> SocketAddress { try #require(try SocketAddress.look(up: host, port: 1, .numeric).get().first) }
    let four = try ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(find)
    let six = try ["2001:db8::1", "2001:db8::2"].map(find)
    let mixed = DialPlan.interleaved(six + four).map(\.text)
    #expect(mixed == [six[0], four[0], six[1], four[1], four[2]].map(\.text))
    #expect(DialPlan.interleaved(four + six).map(\.text) == [four[0], six[0], four[1], six[1], four[2]].map(\.text))
    #expect(DialPlan.interleaved(four).map(\.text) == four.map(\.text))
    #expect(DialPlan.interleaved([]).isEmpty)
  }

  @Test func aNameServerThatDoesNotAnswerIsGivenUpAtTheDeadline() {
    var plan = DialPlan(deadline: 300)
    #expect(text(plan.timePassed(now: 299)) == "wait")
    #expect(text(plan.timePassed(now: 300)) == "fail: the name server did not answer in time")
    #expect(text(plan.resolved(addresses, now: 301)) == "wait")
  }

  @Test func aNameWithoutAddressesFails() {
    var plan = DialPlan(deadline: 300)
    #expect(text(plan.resolved([], now: 0)) == "fail: it has no address")
    var other = DialPlan(deadline: 300)
    #expect(text(other.couldNotResolve("unknown name")) == "fail: unknown name")
    #expect(text(other.couldNotResolve("again")) == "wait")
  }

  @Test func aBusyListenerIsTriedAgainUntilTheDeadline() {
    var plan = DialPlan(deadline: 5)
    _ = plan.resolved([addresses[0]], now: 0)
    #expect(text(plan.listenerBusy(0, "full", now: 0)) == "wait")
    #expect(text(plan.timePassed(now: 1)) == "wait")
    #expect(text(plan.timePassed(now: 2)) == "192.0.2.1:80")
    #expect(text(plan.listenerBusy(0, "full", now: 3)) == "fail: 192.0.2.1:80: full")
  }

  @Test func afterTheConnectionNothingCounts() {
    var plan = DialPlan(deadline: 300)
    plan.connected(0)
    #expect(plan.state == .resolving)
    _ = plan.resolved(addresses, now: 0)
    plan.connected(0)
    #expect(plan.state == .connected)
    #expect(text(plan.attemptFailed(0, "late", now: 1)) == "wait")
    #expect(text(plan.listenerBusy(0, "late", now: 1)) == "wait")
    #expect(text(plan.timePassed(now: 1000)) == "wait")
    #expect(text(plan.resolved(addresses, now: 1)) == "wait")
  }

  @Test func everyPairOfEndsHasItsDecision() {
    let pending: [DialPlan.State] = [.resolving, .connecting(until: 1), .pausing(until: 1)]
    let all = pending + [.connected, .failed("x")]
    for upstream in all {
      #expect(DialDecision.decide(downstream: .failed("y"), upstream: upstream) == .giveUp)
      for downstream in pending { #expect(DialDecision.decide(downstream: downstream, upstream: upstream) == .wait) }
    }
    for downstream in [nil, DialPlan.State.connected] {
      for upstream in pending { #expect(DialDecision.decide(downstream: downstream, upstream: upstream) == .wait) }
      #expect(DialDecision.decide(downstream: downstream, upstream: .connected) == .relay)
      #expect(DialDecision.decide(downstream: downstream, upstream: .failed("x")) == .refuse)
    }
    for downstream in pending { #expect(DialDecision.decide(downstream: downstream, upstream: nil) == .wait) }
    #expect(DialDecision.decide(downstream: .connected, upstream: nil) == .readHello)
    #expect(DialDecision.decide(downstream: .failed("y"), upstream: nil) == .giveUp)
    #expect(DialDecision.decide(downstream: nil, upstream: nil) == .giveUp)
  }

  private func text(_ action: DialPlan.Action) -> String {
    switch action {
    case .connect(let address, _): address.text
    case .wait: "wait"
    case .fail(let reason): "fail: \(reason)"
    }
  }
}
