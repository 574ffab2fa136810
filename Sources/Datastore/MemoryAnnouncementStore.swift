import Synchronization

/// Announcements in memory: gone with the process. The other side announces them again within seconds.
///
/// `live` is protected by its mutex.
public final class MemoryAnnouncementStore: AnnouncementStore {
  private let live = Mutex(LiveAnnouncements())

  public init() {}

  public func load() -> [StoredAnnouncement] { live.withLock { $0.sorted } }

  public func change(removing removed: [StoredAnnouncement], saving saved: [StoredAnnouncement]) {
    live.withLock { live in
      for announcement in removed { _ = live.remove(announcement) }
      for announcement in saved { live.save(announcement) }
    }
  }
}

/// What a store without a database holds.
struct LiveAnnouncements: Sendable {
  private var announcements: [StoredAnnouncement.Key: StoredAnnouncement] = [:]

  var count: Int { announcements.count }
  var sorted: [StoredAnnouncement] { announcements.values.sorted() }

  mutating func save(_ announcement: StoredAnnouncement) { announcements[announcement.key] = announcement }

  /// Nil when it is not there.
  mutating func remove(_ announcement: StoredAnnouncement) -> StoredAnnouncement? {
    announcements.removeValue(forKey: announcement.key)
  }
}
