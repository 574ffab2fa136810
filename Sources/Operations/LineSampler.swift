/// Keeps a flood of equal log lines from filling the disk: some lines per second and cause, then only a count.
///
/// A value; time is an argument.
public struct LineSampler: Sendable {
  /// Whether to write a line.
  public enum Admission: Hashable, Sendable {
    /// Write it, and say how many lines of this cause were swallowed since the last one written.
    case write(swallowed: UInt64)
    case swallow
  }

  private struct Window {
    var start: ContinuousClock.Instant
    var written = 0
    var swallowed: UInt64 = 0
  }

  /// Enough to see what is going on, little enough to read.
  public static let linesPerSecond = 10
  /// Causes at one time; should there be more, as when they hold the names of peers, the rest shares one window.
  public static let causeLimit = 128

  private var windows: [String: Window] = [:]

  public init() {}

  /// Asks for one line of a cause.
  ///
  /// - Parameter others: lines that were never asked for and count as swallowed.
  public mutating func admit(cause: String, standingFor others: UInt64 = 0, now: ContinuousClock.Instant) -> Admission {
    if windows[cause] == nil, windows.count >= Self.causeLimit {
      windows = windows.filter { $0.value.swallowed > 0 || $0.value.start.duration(to: now) < .seconds(1) }
    }
    let key = windows[cause] == nil && windows.count >= Self.causeLimit ? Self.others : cause
    var window = windows[key] ?? Window(start: now)
    if window.start.duration(to: now) >= .seconds(1) {
      window.start = now
      window.written = 0
    }
    window.swallowed += others
    defer { windows[key] = window }
    guard window.written < Self.linesPerSecond else {
      window.swallowed += 1
      return .swallow
    }
    window.written += 1
    defer { window.swallowed = 0 }
    return .write(swallowed: window.swallowed)
  }

  /// What was swallowed and not told yet, for a last line at the end or now and then; the counts start again at zero.
  public mutating func drain() -> [(cause: String, swallowed: UInt64)] {
    let pending = windows.filter { $0.value.swallowed > 0 }.map { (cause: $0.key, swallowed: $0.value.swallowed) }
    for entry in pending { windows[entry.cause]?.swallowed = 0 }
    return pending.sorted { $0.cause < $1.cause }
  }

  private static let others = "others"
}
