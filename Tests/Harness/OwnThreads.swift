import Foundation
public import Testing

/// Carries out what a test does in threads of their own, one per piece of work: waiting for a process (`#expect(processExitsWith:)`)
/// blocks the thread that does it, and Swift has no more threads than the machine has cores.
public struct OwnThreads: TestTrait, SuiteTrait, TestScoping {
  public var isRecursive: Bool { true }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    // Around each case, not around the suite that holds it.
    guard testCase != nil else { return try await function() }
    try await withTaskExecutorPreference(ThreadPerJob()) { try await function() }
  }
}

extension Trait where Self == OwnThreads {
  public static var ownThreads: Self { OwnThreads() }
}

private final class ThreadPerJob: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedTaskExecutor()
    Thread.detachNewThread { [self] in
      job.runSynchronously(on: executor)
      withExtendedLifetime(self) {}
    }
  }
}
