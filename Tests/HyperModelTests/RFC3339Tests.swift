import FoundationEssentials
import HyperModel
import Testing

@Suite struct RFC3339Times {
  @Test(
    "instants are read",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2026-11-23T01:36:48Z", 1_795_397_808), ("2026-11-23T02:36:48+01:00", 1_795_397_808),
      ("2026-11-22T20:06:48-05:30", 1_795_397_808), ("2000-02-29T12:00:00Z", 951_825_600), ("1969-12-31T23:59:59Z", -1),
      ("0000-01-01T00:00:00Z", -62_167_219_200), ("9999-12-31T23:59:59Z", 253_402_300_799), ("2026-11-23T1:36:48Z", 1_795_397_808),
      ("2026-11-23T01:36:48.5Z", 1_795_397_808.5), ("2026-11-23T01:36:48,25Z", 1_795_397_808.25),
      ("2026-11-23T01:36:48-00:00", 1_795_397_808),
      ("2026-11-23T01:36:48.50000000099999Z", 1_795_397_808.5),
    ])
  func read(text: String, seconds: Double) throws {
    let date = try #require(RFC3339.parse(text))
    #expect(abs(date.timeIntervalSince1970 - seconds) < 0.000_001)
  }

  @Test(
    "what is no instant is refused",
    arguments: [
      "", "2026-11-23", "2026-11-23T01:36:48", "2026-11-23t01:36:48Z", "2026-11-23T01:36:48z", "2026-11-23 01:36:48Z",
      "2026-11-23T01:36:60Z",
      "2026-11-23T24:00:00Z", "2026-11-23T01:60:00Z", "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-04-31T00:00:00Z", "2026-11-23T01:36:48.Z", "2026-11-23T01:36:48+0100",
      "2026-11-23T01:36:48+24:00",
      "2026-11-23T01:36:48Z ", "26-11-23T01:36:48Z", "2026-11-23T01:36:48+", "+2026-11-23T01:36:48Z", "2026-11-23T01:36:48.-5Z",
    ])
  func refused(text: String) {
    #expect(RFC3339.parse(text) == nil)
  }

  @Test(
    "instants are written in UTC without trailing zeros",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (1_795_397_808.5, "2026-11-23T01:36:48.5Z"), (1_795_397_808.000_001, "2026-11-23T01:36:48.000001Z"),
      (951_825_600, "2000-02-29T12:00:00Z"), (-0.25, "1969-12-31T23:59:59.75Z"), (-62_167_219_200, "0000-01-01T00:00:00Z"),
      (1e18, "9999-12-31T23:59:59.999999Z"), (-1e18, "0000-01-01T00:00:00Z"),
    ])
  func written(seconds: Double, text: String) {
    #expect(RFC3339.format(Date(timeIntervalSince1970: seconds)) == text)
  }

  @Test("every day of eight centuries is written and read back") func days() throws {
    var seconds = -11_676_096_000.0
    while seconds < 13_569_465_600 {
      let date = Date(timeIntervalSince1970: seconds)
      #expect(RFC3339.parse(RFC3339.format(date)) == date)
      seconds += 86_400 * 13 + 3601
    }
  }
}
