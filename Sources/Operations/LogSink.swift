import Glibc

/// Where finished log lines go. Each call hands over one whole line with its line feed.
public struct LogSink: Sendable {
  let write: @Sendable ([UInt8]) -> Void

  /// - Parameter write: called from any thread, also at the same time; it must not log.
  public init(write: @escaping @Sendable ([UInt8]) -> Void) {
    self.write = write
  }

  /// Standard error, unbuffered: one write per line, so that lines of several threads and processes do not mix.
  ///
  /// What cannot be written is dropped, because nobody can be told.
  public static let standardError = LogSink { line in
    var rest = line[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
