/// Where announcements survive a restart.
///
/// Implementations may be used from any number of tasks at once. A call that returned has taken effect for good: what was
/// saved is there after a crash of the process or the machine. A call that threw has changed nothing.
public protocol AnnouncementStore: Sendable {
  /// Everything that is stored, of both kinds, the expired included, by kind, name and peer.
  func load() async throws(DatastoreError) -> [StoredAnnouncement]

  /// Creates or replaces announcements, all of them or none: on the private side the one with the same name and peer, on
  /// the public side the one with the same name, whoever owned it.
  func save(_ announcements: [StoredAnnouncement]) async throws(DatastoreError)

  /// Forgets announcements, all of them or none. Those with another peer stay; those that are not there are no error.
  func remove(_ announcements: [StoredAnnouncement]) async throws(DatastoreError)
}
