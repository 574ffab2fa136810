/// Where announcements survive a restart.
///
/// Implementations may be used from any number of tasks at once. A call that returned has taken effect for good: what was
/// saved is there after a crash of the process or the machine. A call that threw has changed nothing. Of a call that a crash
/// has interrupted, nothing or everything has taken effect in a database, and in a file perhaps the first few.
public protocol AnnouncementStore: Sendable {
  /// Everything that is stored, of both kinds, the expired included, by kind, name, peer and instance.
  func load() async throws(DatastoreError) -> [StoredAnnouncement]

  /// Forgets announcements, and creates or replaces others: everything or nothing.
  ///
  /// - Parameters:
  ///   - removed: with the same kind, name, peer and instance. Those that are not there are no error.
  ///   - saved: in the place of those with the same kind, name, peer and instance, also of removed ones.
  func change(removing removed: [StoredAnnouncement], saving saved: [StoredAnnouncement]) async throws(DatastoreError)
}

extension AnnouncementStore {
  /// Creates or replaces announcements, all of them or none: those with the same kind, name, peer and instance.
  public func save(_ announcements: [StoredAnnouncement]) async throws(DatastoreError) {
    try await change(removing: [], saving: announcements)
  }

  /// Forgets announcements, all of them or none. Those with another peer or instance stay; those that are not there are no error.
  public func remove(_ announcements: [StoredAnnouncement]) async throws(DatastoreError) {
    try await change(removing: announcements, saving: [])
  }
}

/// The kinds of store, as settings call them.
public enum StoreType: String, Hashable, Sendable, CaseIterable {
  /// A database file: the default.
  case sqlite
  /// The file format of existing proxies (PROTOCOL.md 12).
  case file
  /// Nothing survives; whoever announced does it again.
  case memory

  /// Opens a store, creating what is missing. Blocks while it works: meant for the start of a program.
  ///
  /// - Parameter path: of the file; a store in memory has none.
  /// - Throws: what is wrong with the path or the file.
  public func open(path: String) throws(DatastoreError) -> any AnnouncementStore {
    switch self {
    case .sqlite: try SQLiteAnnouncementStore(path: path)
    case .file: try FileAnnouncementStore(path: path)
    case .memory: MemoryAnnouncementStore()
    }
  }
}
