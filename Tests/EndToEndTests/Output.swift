import Operations
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// What a program printed and how it ended.
struct Output: Sendable {
  let status: TerminationStatus
  let text: String
  let errors: String

  /// Runs a program to its end.
  ///
  /// - Parameters:
  ///   - program: a path, or a name to be looked for in PATH.
  ///   - environment: what is changed of our own environment; nil removes a variable.
  ///   - limit: it is killed after this time.
  /// - Throws: when it cannot be started, and `TestFailure` when it does not end in time.
  static func of(
    _ program: String, _ arguments: [String], in folder: String? = nil, environment: [String: String?] = [:],
    within limit: Duration = .seconds(60)
  ) async throws -> Output {
    let output = try await DeadlineClock().run(until: .now + limit) {
      let result = try await Subprocess.run(
        program.contains("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
        environment: .inherit.updating(environment.keyed), workingDirectory: folder.map { FilePath($0) },
        input: .none, output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
      return Output(status: result.terminationStatus, text: result.standardOutput, errors: result.standardError)
    }
    guard let output else { throw TestFailure("\(program) \(arguments.joined(separator: " ")) did not end within \(limit)") }
    return output
  }
}
