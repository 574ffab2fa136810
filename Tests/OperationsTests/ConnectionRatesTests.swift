import Addresses
import Testing

@testable import Operations

@Suite struct RateTableTests {
  private let one: Source
  private let other: Source

  init() throws {
    one = try #require(Source("192.0.2.1"))
    other = try #require(Source("192.0.2.2"))
  }

  @Test func soManyPerWindowAndSource() {
    let rate = ConnectionRate(window: .minute, limit: 2)
    var table = RateTable([rate])
    // 120 is the begin of a minute: the third is refused until its end.
    #expect(table.admit(one, at: 120) == .admit)
    #expect(table.admit(one, at: 150) == .admit)
    #expect(table.admit(one, at: 179) == .refuse(rate))
    #expect(table.admit(other, at: 179) == .admit)
    #expect(table.admit(one, at: 180) == .admit)
  }

  @Test(arguments: [(ConnectionRate.Window.second, 1 as Int64), (.minute, 60), (.hour, 3600)])
  func windowsBeginAtWholeMultiplesOfTheirLength(window: ConnectionRate.Window, length: Int64) {
    let rate = ConnectionRate(window: window, limit: 1)
    var table = RateTable([rate])
    let begin = 1_000_000 * length
    #expect(table.admit(one, at: begin) == .admit)
    #expect(table.admit(one, at: begin + length - 1) == .refuse(rate))
    #expect(table.admit(one, at: begin + length) == .admit)
  }

  @Test func theFirstLimitThatIsReachedRefusesAndEarlierOnesHaveCounted() {
    let perSecond = ConnectionRate(window: .second, limit: 3)
    let perHour = ConnectionRate(window: .hour, limit: 1)
    var table = RateTable([perSecond, perHour])
    #expect(table.admit(one, at: 0) == .admit)
    #expect(table.admit(one, at: 0) == .refuse(perHour))
    #expect(table.admit(one, at: 0) == .refuse(perHour))
    // The refused ones were counted for the second as well.
    #expect(table.admit(one, at: 0) == .refuse(perSecond))
  }

  @Test func memoryIsBoundedWhateverTheNumberOfSources() throws {
    let rate = ConnectionRate(window: .hour, limit: 5)
    var table = RateTable([rate], sourceLimit: 100)
    #expect(table.admit(one, at: 0) == .admit)
    for number in 0..<100_000 as Range<UInt32> {
      let address = [10, UInt8(number >> 16), UInt8(number >> 8 & 0xff), UInt8(number & 0xff)]
      _ = table.admit(Source(of: try #require(IPAddress(bytes: address))), at: 1)
    }
    #expect(table.sourceCount == 100)
    // Those with a counter of their own are not disturbed by the others.
    for _ in 0..<4 { #expect(table.admit(one, at: 2) == .admit) }
    #expect(table.admit(one, at: 2) == .refuse(rate))
    // The others share counters: nobody among them gets more than the limit.
    let late = try #require(Source("172.16.0.1"))
    let admitted = (0..<10).count { _ in table.admit(late, at: 3) == .admit }
    #expect(admitted <= 5)
    #expect(table.admit(late, at: 3600) == .admit)
  }

  @Test func aClockThatGoesBackBeginsAWindowAnew() {
    var table = RateTable([ConnectionRate(window: .minute, limit: 1)])
    #expect(table.admit(one, at: 600) == .admit)
    #expect(table.admit(one, at: 540) == .admit)
  }
}
