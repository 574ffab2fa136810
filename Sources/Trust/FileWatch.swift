import Operations

/// Decides when the files of one TLS map are read again: a value that is stepped by looks at the files. Times come in as arguments.
///
/// A pair of certificate and key is written in two steps, and a file perhaps in many. So files that changed are read when they have looked
/// the same twice in a row, and what was read counts only if they look the same still.
struct FileWatch: Sendable {
  enum Order: Hashable, Sendable {
    case rest
    case read
  }

  private enum State {
    /// What is in force was read from files that look like this. Next: `changing`.
    case settled([FileMark])
    /// They looked like this at the last look, which was another look than before. Next: `changing`, and by reading `settled` or `failed`.
    case changing([FileMark])
    /// Files that look like this could not be used. Next: `changing`, or by reading again `settled`.
    case failed([FileMark], again: ContinuousClock.Instant)
  }

  /// Files that could not be used may become good without changing: a certificate that is not valid yet.
  static let retryInterval: Duration = .seconds(60)

  private var state: State
  /// What the last failure said, as long as it lasts.
  private var complaint: String?

  /// - Parameter marks: the files before they were read for the first time. They are read once more, because they may have changed while
  ///   they were read.
  init(read marks: [FileMark]) {
    state = .changing(marks)
  }

  mutating func looked(_ marks: [FileMark], now: ContinuousClock.Instant) -> Order {
    switch state {
    case .settled(let known):
      if marks == known { return .rest }
    case .changing(let last):
      if marks == last { return .read }
    case .failed(let known, let again):
      if marks == known { return now < again ? .rest : .read }
    }
    state = .changing(marks)
    return .rest
  }

  /// The files were read and can be used.
  ///
  /// - Parameters:
  ///   - before: the files before the reading.
  ///   - after: and behind it.
  /// - Returns: whether what was read counts: nothing changed meanwhile.
  mutating func succeeded(before: [FileMark], after: [FileMark]) -> Bool {
    guard before == after else {
      state = .changing(after)
      return false
    }
    state = .settled(after)
    complaint = nil
    return true
  }

  /// The files were read and cannot be used.
  ///
  /// - Returns: whether this is worth a line: it was not said before.
  mutating func failed(before: [FileMark], after: [FileMark], why: String, now: ContinuousClock.Instant) -> Bool {
    guard before == after else {
      state = .changing(after)
      return false
    }
    state = .failed(after, again: now + Self.retryInterval)
    defer { complaint = why }
    return complaint != why
  }
}
