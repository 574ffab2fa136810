import Dispatch
import Synchronization

/// Announcements in the file format of existing proxies (PROTOCOL.md 12): entries are appended, the last one of a name and peer
/// counts. An existing proxy can go on with the file, and this one with an existing file.
///
/// What a crash left behind at the end is removed when the file is opened. A file that is mostly out of date is written anew.
/// `state` is protected by its mutex; it is only locked on the queue, because writing waits for the disk.
public final class FileAnnouncementStore: AnnouncementStore {
  private struct State: ~Copyable {
    var file: EntryFile
    var live: LiveAnnouncements
  }

  /// A file up to this size is not written anew, whatever is in it.
  private static let smallFile = 64 << 10
  /// How many times larger than its contents a file may become.
  private static let slack = 4

  private let path: String
  private let state: Mutex<State>
  private let queue = DispatchQueue(label: "announcements")

  /// Opens the store, creating what is missing: folders for us alone (0700), the file (0600). Blocks while it works.
  ///
  /// - Throws: what is wrong with the path or the file; what is no store or damaged in its middle is left exactly as it is.
  public init(path: String) throws(DatastoreError) {
    self.path = path
    let file = try EntryFile(path: path)
    let bytes = try file.readAll()
    let (live, isTorn) = try Self.read(bytes, path: path)
    if isTorn { try file.replace(with: Self.bytes(of: live.sorted)) }
    state = Mutex(State(file: file, live: live))
  }

  private static func read(_ bytes: [UInt8], path: String) throws(DatastoreError) -> (LiveAnnouncements, isTorn: Bool) {
    func unusable(_ finding: String) -> DatastoreError {
      DatastoreError(
        kind: .notUsable, path: path, message: "opening the file: \(finding)",
        hint: "give the store a path of its own, restore the file from a backup, or move it away and announce the names again")
    }
    let reading: ChunkFormat.Reading
    do throws(ChunkFormat.Damage) {
      reading = try ChunkFormat.read(bytes)
    } catch {
      throw unusable("at byte \(error.offset) \(error.finding)")
    }
    var live = LiveAnnouncements()
    for (number, bytes) in reading.entries.enumerated() {
      guard let announcement = DataEntry(bytes: bytes).flatMap({ StoredAnnouncement($0) }) else {
        throw unusable("entry \(number) is no announcement")
      }
      if announcement.expiresAt == StoredAnnouncement.removal { _ = live.remove(announcement) } else { live.save(announcement) }
    }
    return (live, reading.length < bytes.count || reading.incomplete > 0)
  }

  private static func bytes(of announcements: [StoredAnnouncement]) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return announcements.flatMap { announcement in
      let entry = announcement.entry(id: ChunkFormat.randomID(using: &generator))
      return ChunkFormat.chunks(of: entry.bytes, id: ChunkFormat.randomID(using: &generator))
    }
  }

  /// Ends all use of the file. Calls that come later fail.
  public func close() { state.withLock { $0.file.end() } }

  public func load() async throws(DatastoreError) -> [StoredAnnouncement] {
    try await onQueue { state in .success(state.live.sorted) }
  }

  public func change(removing removed: [StoredAnnouncement], saving saved: [StoredAnnouncement]) async throws(DatastoreError) {
    try await onQueue { state in
      var next = state.live
      let gone = removed.compactMap { next.remove($0) }
      for announcement in saved { next.save(announcement) }
      guard !gone.isEmpty || !saved.isEmpty else { return .success(()) }
      let marks = gone.map { announcement in
        var mark = announcement
        mark.expiresAt = StoredAnnouncement.removal
        return mark
      }
      return Self.change(&state, appending: marks + saved, to: next)
    }
  }

  private static func change(
    _ state: inout State, appending announcements: [StoredAnnouncement], to next: LiveAnnouncements
  ) -> Result<Void, DatastoreError> {
    do throws(DatastoreError) {
      let bytes = bytes(of: announcements)
      let whole = state.file.length + bytes.count
      if whole > smallFile {
        let short = Self.bytes(of: next.sorted)
        if whole > short.count * slack {
          try state.file.replace(with: short)
          state.live = next
          return .success(())
        }
      }
      try state.file.append(bytes)
      state.live = next
      return .success(())
    } catch {
      return .failure(error)
    }
  }

  private func onQueue<Value: Sendable>(
    _ work: @escaping @Sendable (inout State) -> Result<Value, DatastoreError>
  ) async throws(DatastoreError) -> Value {
    let result: Result<Value, DatastoreError> = await withCheckedContinuation { continuation in
      queue.async { [self] in continuation.resume(returning: state.withLock { work(&$0) }) }
    }
    return try result.get()
  }
}
