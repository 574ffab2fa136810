import Glibc

/// Runs the body of a program and ends the process with the status that fits.
///
/// An error that is a ``DiagnosableError`` is printed on standard error as `program: line`; any other error as one line that says it was
/// not expected. Ignores SIGPIPE, because a reader that goes away is an ordinary write error, raises the descriptor limit
/// (``DescriptorLimit``), and keeps the heap small.
public func finish(program: String, _ body: () async throws -> Void) async -> Never {
  signal(SIGPIPE, SIG_IGN)
  DescriptorLimit.raise()
  Heap.limitArenas()
  do {
    try await body()
    exit(ExitStatus.success)
  } catch {
    let diagnosis = Diagnosis(of: error)
    LogSink.standardError.write(Array(diagnosis.text(program: program).utf8))
    exit(diagnosis.status)
  }
}

/// What a program prints for an error, and how it exits.
public struct Diagnosis: Hashable, Sendable {
  public var lines: [String]
  public var status: Int32

  public init(of error: any Error) {
    switch error {
    case let error as any DiagnosableError:
      lines = error.lines
      status = error.status
    case is CancellationError:
      lines = ["stopped before the work was done"]
      status = ExitStatus.failure
    default:
      lines = ["unexpected error: \(error)"]
      status = ExitStatus.failure
    }
  }

  /// Every line with the program's name before it and a line feed behind it; line ends inside are escaped.
  public func text(program: String) -> String {
    lines.map { "\(program): \(LineText.escaped($0))\n" }.joined()
  }
}
