import Foundation
import Testing

@testable import PublicProxy

struct ClockWatchTests {
  @Test func onlyAClockThatWasSetIsAJump() {
    let (wall, steady) = (Date(timeIntervalSince1970: 1_000_000), ContinuousClock.now)
    var watch = ClockWatch(wall: wall, steady: steady)
    #expect(watch.jump(wall: wall + 60, steady: steady + .seconds(60)) == nil)
    #expect(watch.jump(wall: wall + 121.5, steady: steady + .seconds(120)) == nil)
    #expect(watch.jump(wall: wall + 121.5 + 3600, steady: steady + .seconds(120)) == 3600)
    #expect(watch.jump(wall: wall + 121.5 + 3600, steady: steady + .seconds(120)) == nil)
    #expect(watch.jump(wall: wall + 121.5, steady: steady + .seconds(120)) == -3600)
  }
}
