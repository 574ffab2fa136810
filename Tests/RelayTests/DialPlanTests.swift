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
    #expect(text(plan.attemptFailed("one", now: 1)) == "192.0.2.2:80")
    #expect(text(plan.attemptFailed("two", now: 2)) == "192.0.2.3:80")
    #expect(
      text(plan.attemptFailed("three", now: 3)) == "fail: 192.0.2.1:80: one; 192.0.2.2:80: two; 192.0.2.3:80: three")
    #expect(!plan.isPending)
  }

  @Test func aSilentAddressGetsItsShareOfTheTime() {
    var plan = DialPlan(deadline: 300)
    _ = plan.resolved(addresses, now: 0)
    #expect(plan.nextCheck == 100)
    #expect(text(plan.timePassed(now: 99)) == "wait")
    #expect(text(plan.timePassed(now: 100)) == "192.0.2.2:80")
    #expect(plan.nextCheck == 200)
    #expect(text(plan.timePassed(now: 300)) == "fail: 192.0.2.1:80: no answer in time; 192.0.2.2:80: no answer in time")
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
    #expect(text(plan.listenerBusy("full", now: 0)) == "wait")
    #expect(text(plan.timePassed(now: 1)) == "wait")
    #expect(text(plan.timePassed(now: 2)) == "192.0.2.1:80")
    #expect(text(plan.listenerBusy("full", now: 3)) == "fail: 192.0.2.1:80: full")
  }

  @Test func afterTheConnectionNothingCounts() {
    var plan = DialPlan(deadline: 300)
    plan.connected()
    #expect(plan.state == .resolving)
    _ = plan.resolved(addresses, now: 0)
    plan.connected()
    #expect(plan.state == .connected)
    #expect(text(plan.attemptFailed("late", now: 1)) == "wait")
    #expect(text(plan.listenerBusy("late", now: 1)) == "wait")
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
  }

  private func text(_ action: DialPlan.Action) -> String {
    switch action {
    case .connect(let address): address.text
    case .wait: "wait"
    case .fail(let reason): "fail: \(reason)"
    }
  }
}
