public import FoundationEssentials

/// Instants as the directory and the proxies write them (RFC 3339; PROTOCOL.md 8.1, 21).
public enum RFC3339 {
  /// Reads an instant as existing nodes do: besides RFC 3339 a comma as fraction mark, a one-digit hour and any number of fraction digits
  /// (cut after nine) are accepted; lower-case letters, a space, a missing offset, second 60 and days that do not exist are not.
  public static func parse(_ text: String) -> Date? {
    var reader = InstantReader(rest: Substring(text).utf8)
    return reader.read()
  }

  /// Writes an instant in UTC, to the microsecond (the precision of `Date` in our time), without trailing zeros.
  ///
  /// Instants outside of the years 0 to 9999, which RFC 3339 cannot write, become the nearest that it can; not a number becomes 1970.
  public static func format(_ date: Date) -> String {
    let seconds = date.timeIntervalSince1970
    // Bounded twice: what fits in an integer first, then the exact range, which doubles of this size cannot express.
    let counted = seconds.isNaN ? 0 : Int64((min(max(seconds, -1e12), 1e12) * 1_000_000).rounded())
    let microseconds = min(max(counted, earliest * 1_000_000), latest * 1_000_000 + 999_999)
    let (wholeSeconds, fraction) = floored(microseconds, by: 1_000_000)
    let (days, secondOfDay) = floored(wholeSeconds, by: 86_400)
    let (year, month, day) = Calendar.civil(fromDays: days)
    var text = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
    text += "\(padded(secondOfDay / 3600, 2)):\(padded(secondOfDay / 60 % 60, 2)):\(padded(secondOfDay % 60, 2))"
    if fraction > 0 {
      text += "."
      var digits = padded(fraction, 6)[...]
      while digits.last == "0" { digits.removeLast() }
      text += digits
    }
    return text + "Z"
  }

  /// 0000-01-01T00:00:00Z
  private static let earliest: Int64 = -62_167_219_200
  /// 9999-12-31T23:59:59Z
  private static let latest: Int64 = 253_402_300_799

  private static func floored(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}

private struct InstantReader {
  var rest: Substring.UTF8View

  mutating func read() -> Date? {
    guard
      let year = number(digits: 4...4), skip("-"),
      let month = number(digits: 2...2), (1...12).contains(month), skip("-"),
      let day = number(digits: 2...2), day >= 1, day <= Calendar.days(inMonth: month, of: year), skip("T"),
      let hour = number(digits: 1...2), hour < 24, skip(":"),
      let minute = number(digits: 2...2), minute < 60, skip(":"),
      let second = number(digits: 2...2), second < 60,
      let nanoseconds = fraction(),
      let offset = offset(), rest.isEmpty
    else { return nil }
    let seconds = Calendar.days(toYear: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second - offset
    return Date(timeIntervalSince1970: Double(seconds) + Double(nanoseconds) / 1_000_000_000)
  }

  private mutating func skip(_ mark: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: mark) else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func number(digits: ClosedRange<Int>) -> Int64? {
    var value: Int64 = 0
    var count = 0
    while count < digits.upperBound, let byte = rest.first, byte &- UInt8(ascii: "0") < 10 {
      value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      count += 1
      rest.removeFirst()
    }
    return count >= digits.lowerBound ? value : nil
  }

  /// In nanoseconds; 0 when there is none, nil when a mark is followed by no digit.
  private mutating func fraction() -> Int64? {
    guard skip(".") || skip(",") else { return 0 }
    guard var value = number(digits: 1...1) else { return nil }
    var count = 1
    while let digit = number(digits: 1...1) {
      if count < 9 { value = value * 10 + digit }
      count += 1
    }
    while count < 9 {
      value *= 10
      count += 1
    }
    return value
  }

  /// In seconds.
  private mutating func offset() -> Int64? {
    if skip("Z") { return 0 }
    let sign: Int64 = if skip("+") { 1 } else if skip("-") { -1 } else { 0 }
    guard sign != 0, let hours = number(digits: 2...2), hours < 24, skip(":"), let minutes = number(digits: 2...2), minutes < 60 else {
      return nil
    }
    return sign * (hours * 3600 + minutes * 60)
  }
}

/// The proleptic Gregorian calendar, counted in days from 1970-01-01 (the algorithms are those of Howard Hinnant's "chrono-compatible
/// low-level date algorithms": years begin in March and are grouped in eras of 400, so that leap days come last).
private enum Calendar {
  static func days(inMonth month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  static func days(toYear year: Int64, month: Int64, day: Int64) -> Int64 {
    let marchYear = month <= 2 ? year - 1 : year
    let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
    let yearOfEra = marchYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }
}
