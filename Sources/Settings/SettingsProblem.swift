/// One thing that is wrong with the settings, or worth a warning.
public struct SettingsProblem: Hashable, Sendable {
  /// Nil when the problem lies in no file, for example an unset variable.
  public var position: SourcePosition?
  /// `channels[0].settings.bind_address`; empty for the file as a whole.
  public var keyPath: String
  /// What is wrong: usually "expected …, found …". Lower case, no full stop, never a value from the environment.
  public var message: String
  /// The next step for whoever wrote the file.
  public var hint: String?

  public init(position: SourcePosition?, keyPath: String, message: String, hint: String? = nil) {
    self.position = position
    self.keyPath = keyPath
    self.message = message
    self.hint = hint
  }
}

extension SettingsProblem: CustomStringConvertible {
  /// One line: `file:line:column: key.path: message (hint)`.
  public var description: String {
    var parts: [String] = []
    if let position { parts.append(position.description) }
    if !keyPath.isEmpty { parts.append(keyPath) }
    parts.append(hint.map { "\(message) (\($0))" } ?? message)
    return parts.joined(separator: ": ")
  }
}

/// Settings that cannot be used: every problem found, in the order of the files.
public struct SettingsFailure: Error, Equatable, Sendable {
  public var problems: [SettingsProblem]

  public init(problems: [SettingsProblem]) {
    self.problems = problems
  }
}

extension SettingsFailure: CustomStringConvertible {
  /// One line per problem.
  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Collects what is found while one set of settings is read, so that everything can be reported at once.
///
/// Lives inside one synchronous call and never leaves it; all mutable state belongs to that call.
final class Findings {
  private(set) var problems: [SettingsProblem] = []
  private(set) var warnings: [SettingsProblem] = []
  private var reported: Set<SettingsProblem> = []

  func problem(at position: SourcePosition?, _ keyPath: String = "", _ message: String, hint: String? = nil) {
    let problem = SettingsProblem(position: position, keyPath: keyPath, message: message, hint: hint)
    // A value that is used twice, through a reference or an alias, is reported once.
    if reported.insert(problem).inserted { problems.append(problem) }
  }

  func warning(at position: SourcePosition?, _ keyPath: String, _ message: String, hint: String? = nil) {
    warnings.append(SettingsProblem(position: position, keyPath: keyPath, message: message, hint: hint))
  }

  func throwProblems() throws(SettingsFailure) {
    guard problems.isEmpty else { throw SettingsFailure(problems: problems.sorted { $0.stands(before: $1) }) }
  }
}

extension SettingsProblem {
  /// By file, line and column, as one goes through the files to mend them; what has no position comes first.
  func stands(before other: SettingsProblem) -> Bool {
    guard let position else { return other.position != nil }
    guard let theirs = other.position else { return false }
    return (position.file, position.line, position.column) < (theirs.file, theirs.line, theirs.column)
  }
}
