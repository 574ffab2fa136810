/// Exit statuses of all programs.
public enum ExitStatus {
  /// Done, or stopped by a signal.
  public static let success: Int32 = 0
  /// The program could not start or could not go on.
  public static let failure: Int32 = 1
  /// The settings are wrong; trying again changes nothing. (A mistyped command line ends with 64, EX_USAGE of sysexits.h.)
  public static let badUsage: Int32 = 2
}

/// An error that a program prints without a type name or a trace.
public protocol DiagnosableError: Error {
  /// What to print, one line each, without the program's name.
  var lines: [String] { get }
  /// The exit status of the program.
  var status: Int32 { get }
}

/// Why a program cannot start: bad settings, a port in use, a missing file.
public struct StartFailure: DiagnosableError, Hashable {
  /// What was being done, to what, and what was found instead; lower case, no full stop.
  public var message: String
  /// What the operator can do next.
  public var hint: String?
  public var status: Int32

  public init(_ message: String, hint: String? = nil, status: Int32 = ExitStatus.failure) {
    self.message = message
    self.hint = hint
    self.status = status
  }

  public init(message: String, hint: String? = nil, status: Int32 = ExitStatus.failure) {
    self.init(message, hint: hint, status: status)
  }

  /// One line: the message, and the hint behind it in parentheses.
  public var lines: [String] { [hint.map { "\(message) (\($0))" } ?? message] }
}

extension StartFailure: CustomStringConvertible {
  public var description: String { lines[0] }
}
