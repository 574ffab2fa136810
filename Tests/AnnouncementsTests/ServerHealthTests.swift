import Announcements
import Testing

@Suite struct ServerHealthTests {
  private func health(rise: Int = 2, fall: Int = 3) -> ServerHealth { ServerHealth(HealthRules(rise: rise, fall: fall)) }

  @Test func beforeTheFirstLookAServerCountsAsUp() {
    let health = health()
    #expect(health.isUp)
    #expect(health.reason == nil)
  }

  @Test func theFirstLooksCountLikeAllOthers() {
    var health = health()
    #expect(health.failed("1") == nil)
    #expect(health.failed("2") == nil)
    #expect(health.isUp)
    #expect(health.failed("refused") == .wentDown("refused"))
    #expect(!health.isUp)
    #expect(health.reason == "refused")
  }

  @Test func aServerGoesDownAfterSoManyFailuresInARow() {
    var health = health()
    _ = health.succeeded()
    #expect(health.failed("1") == nil)
    #expect(health.failed("2") == nil)
    #expect(health.succeeded() == nil)
    #expect(health.failed("3") == nil)
    #expect(health.failed("4") == nil)
    #expect(health.isUp)
    #expect(health.failed("5") == .wentDown("5"))
    #expect(health.failed("6") == nil)
    #expect(health.reason == "6")
  }

  @Test func aServerComesUpAfterSoManySuccessesInARow() {
    var health = health()
    for _ in 0..<3 { _ = health.failed("1") }
    #expect(health.succeeded() == nil)
    #expect(health.failed("2") == nil)
    #expect(health.succeeded() == nil)
    #expect(!health.isUp)
    #expect(health.succeeded() == .wentUp)
    #expect(health.isUp)
    #expect(health.reason == nil)
    #expect(health.succeeded() == nil)
    // From here it takes as many failures as ever.
    #expect(health.failed("3") == nil)
  }

  @Test func oneLookIsTheLeast() {
    var health = health(rise: 0, fall: -1)
    #expect(health.failed("1") == .wentDown("1"))
    #expect(health.succeeded() == .wentUp)
    #expect(health.failed("2") == .wentDown("2"))
  }
}
