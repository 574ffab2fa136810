import HyperModel
import Operations
import Testing

@testable import PrivateProxy

/// When to announce again after an error answer (DESIGN.md 4).
struct AnnouncerFailureTests {
  /// 500: somebody on the way is away. 1: the own node has no channel that could deliver. Both end soon, without anybody changing anything.
  @Test(arguments: [1, 500]) func anAnswerThatNobodyCouldBeReachedCountsAsUnreachable(_ code: Int) {
    #expect(Announcer.failureKind(of: CallFault(code: code, message: "away")) == .unreachable)
  }

  @Test func aRefusalIsForPeopleToEnd() {
    #expect(Announcer.failureKind(of: CallFault(code: 403, message: "not allowed")) == .refused)
  }

  @Test(arguments: [-32603, -32602, -32601, 404, 429])
  func anyOtherErrorLeavesThePublicProxyRoomToRecover(_ code: Int) {
    #expect(Announcer.failureKind(of: CallFault(code: code, message: "not well")) == .failedAfterAccept)
  }
}
