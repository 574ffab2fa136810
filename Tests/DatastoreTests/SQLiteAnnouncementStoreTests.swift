import Announcements
import Foundation
import GRDB
import HyperModel
import Testing

@testable import Datastore

private let noon = Date(timeIntervalSinceReferenceDate: 800_000_000.123_456_7)

private func held(_ domain: String, by owner: OperatorName = "alice", until expiresAt: Date? = nil) -> StoredAnnouncement {
  StoredAnnouncement(Announcement(domain: domain, owner: owner, expiresAt: expiresAt))
}

private func outgoing(_ domain: String, to proxy: OperatorName, until expiresAt: Date? = nil, endpoints: [String] = [])
  -> StoredAnnouncement
{
  StoredAnnouncement(OutgoingAnnouncement(domain: domain, proxy: proxy, expiresAt: expiresAt, allowedEndpoints: endpoints))
}

@Suite struct SQLiteAnnouncementStoreTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("announcements.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test func aNewStoreIsEmpty() async throws {
    let store = try SQLiteAnnouncementStore(path: path)
    #expect(try await store.load().isEmpty)
    try await store.save([])
    try await store.remove([held("never.saved")])
    #expect(try await store.load().isEmpty)
  }

  @Test func whatWasSavedIsThereAfterReopening() async throws {
    let saved = [
      held("a.example.org", until: noon), held("b.example.org"),
      outgoing("a.example.org", to: "proxy-1", until: noon, endpoints: ["host:9999", "[::1]:1", "\"quoted\""]),
      outgoing("a.example.org", to: "proxy-2"),
    ]
    let store = try SQLiteAnnouncementStore(path: path)
    try await store.save(saved.reversed())
    #expect(try await store.load() == saved)
    try store.close()
    #expect(try await SQLiteAnnouncementStore(path: path).load() == saved)
  }

  @Test func whatWasSavedIsThereWithoutClosing() async throws {
    let store = try SQLiteAnnouncementStore(path: path)
    try await store.save([held("a.example.org")])
    let second = try SQLiteAnnouncementStore(path: path)
    #expect(try await second.load() == [held("a.example.org")])
    try await second.save([held("b.example.org")])
    #expect(try await store.load().map(\.domain) == ["a.example.org", "b.example.org"])
  }

  @Test func bothKindsComeBackAsWhatTheyWere() async throws {
    let announcement = Announcement(domain: "a.example.org", owner: "alice", expiresAt: noon)
    let outgoing = OutgoingAnnouncement(domain: "a.example.org", proxy: "alice", expiresAt: nil, allowedEndpoints: ["h:1"])
    let store = try SQLiteAnnouncementStore(path: path)
    try await store.save([StoredAnnouncement(announcement), StoredAnnouncement(outgoing)])
    let loaded = try await store.load()
    #expect(loaded.compactMap(\.announcement) == [announcement])
    #expect(loaded.compactMap(\.outgoing) == [outgoing])
  }

  @Test func savingAgainReplaces() async throws {
    let store = try SQLiteAnnouncementStore(path: path)
    try await store.save([held("a.example.org"), outgoing("a.example.org", to: "proxy-1")])
    let later = [held("a.example.org", until: noon), outgoing("a.example.org", to: "proxy-1", until: noon, endpoints: ["h:1"])]
    try await store.save(later)
    #expect(try await store.load() == later)
  }

  @Test func aNameCanHaveSeveralHoldersAndSeveralProxies() async throws {
    let one = StoredAnnouncement(
      Announcement(domain: "a.example.org", owner: "alice", instance: InstanceID("one"), since: noon, sharedWith: ["bob", "carol"]))
    let two = StoredAnnouncement(Announcement(domain: "a.example.org", owner: "alice", instance: InstanceID("two")))
    let all = [held("a.example.org"), one, two, held("a.example.org", by: "bob"), outgoing("a.example.org", to: "alice")]
    let store = try SQLiteAnnouncementStore(path: path)
    try await store.save(all.reversed())
    #expect(try await store.load() == all)
    try await store.remove([one])
    #expect(try await store.load() == all.filter { $0 != one })
  }

  @Test func aStoreOfTheFirstVersionIsTakenOver() async throws {
    let database = try DatabaseQueue(path: path)
    try await database.write { database in
      try database.execute(
        sql: """
          PRAGMA application_id = \(0x4879_7072);
          CREATE TABLE announcement (
            kind INTEGER NOT NULL CHECK (kind IN (1, 2)), domain TEXT NOT NULL, peer TEXT NOT NULL, expires_at REAL,
            allowed_endpoints TEXT NOT NULL, PRIMARY KEY (kind, domain, peer)) STRICT, WITHOUT ROWID;
          CREATE UNIQUE INDEX announcement_owner ON announcement (domain) WHERE kind = 1;
          CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
          INSERT INTO grdb_migrations VALUES ('1 announcements');
          INSERT INTO announcement VALUES (1, 'a.example.org', 'alice', NULL, '[]'), (2, 'b.example.org', 'proxy', 5.5, '["h:1"]');
          """)
    }
    try database.close()
    let found = try await SQLiteAnnouncementStore(path: path).load()
    let expiry = Date(timeIntervalSinceReferenceDate: 5.5)
    #expect(found == [held("a.example.org"), outgoing("b.example.org", to: "proxy", until: expiry, endpoints: ["h:1"])])
  }

  @Test func onlyWhatIsNamedIsRemoved() async throws {
    let store = try SQLiteAnnouncementStore(path: path)
    try await store.save([held("a.example.org"), held("b.example.org"), outgoing("a.example.org", to: "alice")])
    try await store.remove([held("a.example.org", until: noon), held("b.example.org", by: "bob")])
    #expect(try await store.load() == [held("b.example.org"), outgoing("a.example.org", to: "alice")])
  }

  @Test func namesOfOperatorsAreKeptByteForByte() async throws {
    let names: [OperatorName] = ["", "a b", "A", "a", "ü", "o'; DROP TABLE announcement;--", "line\nbreak"]
    let store = try SQLiteAnnouncementStore(path: path)
    try await store.save(names.map { outgoing("a.example.org", to: $0) })
    #expect(Set(try await store.load().map(\.peer)) == Set(names))
  }

  @Test func concurrentSavesAndRemovalsAllTakeEffect() async throws {
    // Each waits for the other's commits, which may take long on a busy disk.
    let store = try SQLiteAnnouncementStore(path: path, busyTimeout: 60)
    let other = try SQLiteAnnouncementStore(path: path, busyTimeout: 60)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        let store = number.isMultiple(of: 2) ? store : other
        group.addTask {
          try await store.save([held("keep\(number).example.org"), held("drop\(number).example.org")])
          try await store.remove([held("drop\(number).example.org")])
        }
        group.addTask { _ = try await store.load() }
      }
      try await group.waitForAll()
    }
    #expect(Set(try await store.load().map(\.domain)) == Set((0..<40).map { "keep\($0).example.org" }))
  }

  @Test func aLargeBatchIsSavedAtOnce() async throws {
    let batch = (0..<5000).map { held(String(format: "n%04d.example.org", $0), until: noon) }
    let store = try SQLiteAnnouncementStore(path: path)
    try await store.save(batch)
    #expect(try await store.load() == batch)
    try await store.remove(batch)
    #expect(try await store.load().isEmpty)
  }

  @Test func aClosedStoreFailsInWords() async throws {
    let store = try SQLiteAnnouncementStore(path: path)
    try store.close()
    await #expect(throws: DatastoreError.self) { try await store.save([held("a.example.org")]) }
    await #expect(throws: DatastoreError.self) { try await store.load() }
  }
}
