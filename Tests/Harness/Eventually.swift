public import Testing

/// Something that a test waited for did not come about.
public struct NotInTime: Error, CustomStringConvertible {
  public let description: String
}

/// Waits until something is so, for things that have no event of their own.
/// - Throws: ``NotInTime``, which says where it was waited, and what the condition throws.
public func eventually(
  _ what: String, within limit: Duration = .seconds(60), at place: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else { throw NotInTime(description: "not in time: \(what) (\(place.fileID):\(place.line))") }
    try await Task.sleep(for: .milliseconds(5))
  }
}
