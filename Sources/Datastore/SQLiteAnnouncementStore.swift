import GRDB

/// Announcements in an SQLite file: nothing to install, nothing to start.
///
/// Write-ahead logging with `synchronous = FULL`: a commit is on the disk when it returns. Announcements change a few times
/// an hour, so its price does not matter; losing one would make a name free for somebody else. All state is the pool's,
/// which serialises writers and lets readers pass; the store may be used from any task.
public final class SQLiteAnnouncementStore: AnnouncementStore {
  private let pool: DatabasePool
  private let path: String

  /// Opens the store, creating what is missing: folders for us alone (0700), the file (0600), the tables.
  ///
  /// Blocks while it works: meant for the start of a program. A file that is damaged, is no store of ours or comes from a
  /// later version is left exactly as it is.
  /// - Throws: what is wrong with the path or the file.
  public convenience init(path: String) throws(DatastoreError) {
    try self.init(path: path, busyTimeout: 5)
  }

  /// - Parameter busyTimeout: how long another writer is waited for, in seconds.
  init(path: String, busyTimeout: Double) throws(DatastoreError) {
    self.path = path
    try StoreFile.create(at: path)
    do {
      pool = try Self.open(path, busyTimeout)
    } catch {
      throw DatastoreError(error, path: path, doing: "opening the store")
    }
  }

  private static func open(_ path: String, _ busyTimeout: Double) throws -> DatabasePool {
    var configuration = Configuration()
    configuration.label = "announcements"
    // Another process that writes to the same file (a copy, a look with the sqlite3 tool) is waited for, not for ever.
    configuration.busyMode = .timeout(busyTimeout)
    // One table, read as a whole at start: a second reader has nothing to do.
    configuration.maximumReaderCount = 1
    configuration.prepareDatabase { try Schema.checkOwnership($0) }
    try check(path, configuration)
    let pool = try DatabasePool(path: path, configuration: configuration)
    // The library chooses NORMAL for this journal, which can lose the last commits with the power.
    try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
    try Schema.migrator.migrate(pool)
    return pool
  }

  /// Looks at the file without being able to change it: opening a pool writes to whatever it finds.
  private static func check(_ path: String, _ configuration: Configuration) throws {
    var configuration = configuration
    configuration.readonly = true
    let reader = try DatabaseQueue(path: path, configuration: configuration)
    try reader.read { try Schema.checkHealth($0) }
    try reader.close()
  }

  /// Ends all use of the file and folds the log into it. Calls that come later fail.
  public func close() throws(DatastoreError) {
    do {
      // Closing alone would leave the log beside the file: the library ends with a connection that only reads.
      _ = try pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
      try pool.close()
    } catch {
      throw DatastoreError(error, path: path, doing: "closing the store")
    }
  }

  public func load() async throws(DatastoreError) -> [StoredAnnouncement] {
    do {
      return try await pool.read { database in
        try StoredAnnouncement.fetchAll(database)
      }
    } catch {
      throw DatastoreError(error, path: path, doing: "reading the announcements")
    }
  }

  public func change(removing removed: [StoredAnnouncement], saving saved: [StoredAnnouncement]) async throws(DatastoreError) {
    guard !removed.isEmpty || !saved.isEmpty else { return }
    do {
      try await pool.write { database in
        for announcement in removed { try announcement.remove(database) }
        for announcement in saved { try announcement.save(database) }
      }
    } catch {
      throw DatastoreError(error, path: path, doing: "removing \(removed.count) and saving \(saved.count) announcements")
    }
  }
}
