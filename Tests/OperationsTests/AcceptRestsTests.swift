import NIOCore
import Testing

@testable import Operations

@Suite struct AcceptRestsTests {
  @Test func restsGetLongerWhileNothingIsAcceptedAndShortAgainBehindAConnection() {
    var rests = AcceptRests()
    #expect((0..<7).map { _ in rests.next() } == [10, 20, 40, 80, 100, 100, 100].map { .milliseconds($0) })
    rests.accepted()
    #expect(rests.next() == AcceptRests.shortest)
  }
}
