@testable import Relay
import Testing

@testable import PrivateProxy

@Suite struct JoinOutcomesTests {
  private let stream = StreamID(loop: 0, serial: 1)

  private func summary(_ cause: EndCause) -> StreamSummary {
    .neverStarted(stream, cause)
  }

  @Test func aJoinReportedBeforeTheQuestionIsRemembered() async {
    let joins = JoinOutcomes()
    joins.report(.joined, of: stream)
    #expect(await joins.outcome(of: stream, patience: .seconds(30)) == .joined)
    joins.ended(summary(.finished))
    #expect(joins.count == 0)
  }

  @Test func aReaderWhoWaitsIsTold() async {
    let joins = JoinOutcomes()
    async let outcome = joins.outcome(of: stream, patience: .seconds(30))
    joins.report(.failed(.upstream, "refused"), of: stream)
    #expect(await outcome == .failed(.upstream, "refused"))
    joins.ended(summary(.upstreamUnreachable))
    #expect(joins.count == 0)
  }

  @Test func onlyTheFirstWordCounts() async {
    let joins = JoinOutcomes()
    joins.report(.failed(.tokenPort, "no route"), of: stream)
    joins.report(.joined, of: stream)
    #expect(await joins.outcome(of: stream, patience: .seconds(30)) == .failed(.tokenPort, "no route"))
  }

  @Test func whoeverAsksTooLongIsToldThatItIsUndecided() async {
    let joins = JoinOutcomes()
    #expect(await joins.outcome(of: stream, patience: .milliseconds(1)) == .undecided)
    joins.report(.joined, of: stream)
    joins.ended(summary(.finished))
    #expect(joins.count == 0)
  }

  @Test func aStreamThatIsOverBeforeTheQuestionLeavesNothingBehind() async {
    let joins = JoinOutcomes()
    joins.report(.joined, of: stream)
    joins.ended(summary(.finished))
    #expect(await joins.outcome(of: stream, patience: .seconds(30)) == .joined)
    #expect(joins.count == 0)
  }

  @Test func patienceThatEndsWithTheStreamLeavesNothingBehind() async {
    let joins = JoinOutcomes()
    for _ in 0..<2000 {
      async let outcome = joins.outcome(of: stream, patience: .microseconds(20))
      joins.ended(summary(.stopped))
      #expect([.undecided, .ended("stopped")].contains(await outcome))
    }
    #expect(joins.count == 0)
  }

  /// Either the one who ordered is told, or the client: not neither.
  @Test func whatTheRelayKeepsToItselfIsWaitedFor() async {
    let joins = JoinOutcomes()
    let quiet = QuietPeriod()
    #expect(quiet.end())
    async let outcome = joins.outcome(of: stream, patience: .zero, quiet: quiet)
    // Long after the patience is over.
    #expect(await joins.outcome(of: StreamID(loop: 0, serial: 2), patience: .milliseconds(20)) == .undecided)
    joins.report(.failed(.upstream, "refused"), of: stream)
    #expect(await outcome == .failed(.upstream, "refused"))
  }

  @Test func thePatienceEndsTheQuietPeriod() async {
    let joins = JoinOutcomes()
    let quiet = QuietPeriod()
    #expect(await joins.outcome(of: stream, patience: .milliseconds(1), quiet: quiet) == .undecided)
    #expect(!quiet.end())
  }

  @Test func aStreamThatEndedUnheardIsReportedAndForgotten() async {
    let joins = JoinOutcomes()
    joins.ended(summary(.stopped))
    #expect(await joins.outcome(of: stream, patience: .seconds(30)) == .ended("stopped"))
    #expect(joins.count == 0)
  }
}
