/// Waits until something is so, for things that have no event of their own.
func eventually(_ what: String, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool) async throws {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else { throw TestFailure("not in time: \(what)") }
    try await Task.sleep(for: .milliseconds(50))
  }
}
