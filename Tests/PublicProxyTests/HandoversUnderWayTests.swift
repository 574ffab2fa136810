@testable import Relay
import Testing

@testable import PublicProxy

/// What the relay says may come before whoever sees to a client.
@Suite(.timeLimit(.minutes(1))) struct HandoversUnderWayTests {
  private let stream = StreamID(loop: 0, serial: 1)

  @Test func aClientThatIsGoneBeforeItsHandOverBeginsIsSettled() async {
    let underWay = HandoversUnderWay()
    underWay.expect(stream)
    #expect(underWay.isExpected(stream))
    underWay.settled(stream)
    #expect(!underWay.isExpected(stream))
    let (events, event) = AsyncStream<HandoverEvent>.makeStream()
    underWay.tell(event, of: stream)
    var iterator = events.makeAsyncIterator()
    guard case .settled? = await iterator.next() else { return #expect(Bool(false), "nothing was said") }
    underWay.forget(stream)
    #expect(underWay.count == 0)
  }

  @Test func aClientThatIsTakenDuringItsHandOverIsSettled() async {
    let underWay = HandoversUnderWay()
    underWay.expect(stream)
    let (events, event) = AsyncStream<HandoverEvent>.makeStream()
    underWay.tell(event, of: stream)
    underWay.settled(stream)
    var iterator = events.makeAsyncIterator()
    guard case .settled? = await iterator.next() else { return #expect(Bool(false), "nothing was said") }
  }

  @Test func whatNobodyExpectsLeavesNothingBehind() {
    let underWay = HandoversUnderWay()
    underWay.settled(stream)
    #expect(underWay.count == 0 && !underWay.isExpected(stream))
  }
}
