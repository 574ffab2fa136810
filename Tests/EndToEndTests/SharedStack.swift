import Testing

extension Stack {
  @TaskLocal private static var shared: Stack?

  /// The stack that the tests of a suite share (`.stack(…)`).
  static var ofSuite: Stack {
    get throws {
      guard let shared else { throw TestFailure("the suite has no stack") }
      return shared
    }
  }

  fileprivate static func share(_ stack: Stack, with tests: @Sendable @concurrent () async throws -> Void) async throws {
    try await $shared.withValue(stack) { try await tests() }
  }
}

/// Starts the five programs once for all tests of a suite and stops them after the last one.
struct SharedStack: SuiteTrait, TestScoping {
  let changes: [SettingsChange]
  let prepare: @Sendable (_ certificates: String) throws -> Void

  /// Once for the suite, not again for each test.
  var isRecursive: Bool { false }

  @concurrent func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    try await Stack.run(changes, prepare: prepare) { stack in try await Stack.share(stack, with: function) }
  }
}

extension Trait where Self == SharedStack {
  static func stack(
    _ changes: SettingsChange..., prepare: @escaping @Sendable (_ certificates: String) throws -> Void = { _ in }
  ) -> SharedStack {
    SharedStack(changes: changes, prepare: prepare)
  }
}
