import Testing

@testable import HyperGRPC

@Suite(.timeLimit(.minutes(1))) struct OpenRequestsTests {
  @Test func whoeverWaitsGoesOnWhenFewerAreLeft() async {
    let open = OpenRequests()
    await open.few(1)
    for _ in 0..<3 { open.began() }
    #expect(!open.none().isRaised)
    async let few: Void = open.few(3)
    open.answered()
    await few
    let none = open.none()
    open.answered()
    #expect(!none.isRaised)
    open.answered()
    #expect(none.isRaised)
  }

  /// Nobody writes what is open any more.
  @Test func theEndOfTheAnswersEndsEveryWait() async {
    let open = OpenRequests()
    for _ in 0..<3 { open.began() }
    let none = open.none()
    async let few: Void = open.few(2)
    open.end()
    await few
    #expect(none.isRaised)
    #expect(open.none().isRaised)
    await open.few(1)
  }
}
