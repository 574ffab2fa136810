import Announcements
import Foundation
import Glibc
import Harness
import HyperModel
import Testing

@testable import Datastore

private let noon = Date(timeIntervalSinceReferenceDate: 800_000_000)

private func held(_ domain: String, by owner: OperatorName = "alice", until expiresAt: Date? = nil) -> StoredAnnouncement {
  StoredAnnouncement(Announcement(domain: domain, owner: owner, expiresAt: expiresAt))
}

/// Announcements in the file format of existing proxies.
@Suite struct FileAnnouncementStoreTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("deep/store.bin") }

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test func whatWasSavedIsThereAfterReopening() async throws {
    let saved = [
      held("a.example.org", until: noon), held("b.example.org", by: "bob"),
      StoredAnnouncement(
        Announcement(domain: "b.example.org", owner: "bob", instance: InstanceID("one"), since: noon, sharedWith: ["alice", "carol"])),
      StoredAnnouncement(OutgoingAnnouncement(domain: "a.example.org", proxy: "p", allowedEndpoints: ["h:1"], sharedWith: ["bob"])),
    ]
    do {
      let store = try FileAnnouncementStore(path: path)
      #expect(try await store.load().isEmpty)
      try await store.save(saved.reversed())
      try await store.save([held("gone.example.org")])
      try await store.remove([held("gone.example.org"), held("never.example.org")])
      #expect(try await store.load() == saved)
      store.close()
      await #expect(throws: DatastoreError.self) { try await store.save(saved) }
    }
    #expect(try await FileAnnouncementStore(path: path).load() == saved)
    #expect(try TemporaryFolder.mode(of: path) == 0o600)
  }

  @Test func aFileOfAnExistingProxyIsReadAndTheLastEntryOfANameCounts() async throws {
    func entry(_ json: String) -> [UInt8] {
      ChunkFormat.chunks(of: DataEntry(type: 1, id: [1], data: Array(json.utf8)).bytes, id: [UInt8.random(in: .min ... .max)])
    }
    let bytes =
      entry(#"{"expires_at":null,"operator":"op","domain":"a.b.c"}"#)
      + entry(#"{"expires_at":"2026-05-09T06:13:20+02:00","operator":"op","domain":"b.c"}"#)
      + entry(#"{"expires_at":"2026-05-09T06:13:20.5Z","operator":"op","domain":"a.b.c"}"#)
    try FileManager.default.createDirectory(atPath: folder.file("deep"), withIntermediateDirectories: true)
    try folder.write(Data(bytes), to: "deep/store.bin")
    let found = try await FileAnnouncementStore(path: path).load()
    #expect(found.map(\.domain) == ["a.b.c", "b.c"])
    #expect(found.map(\.peer) == ["op", "op"])
    #expect(found[0].expiresAt == RFC3339.parse("2026-05-09T06:13:20.5Z"))
  }

  @Test func aTornEndIsRepaired() async throws {
    do {
      let store = try FileAnnouncementStore(path: path)
      try await store.save([held("a.example.org")])
      try await store.save([held("b.example.org")])
      store.close()
    }
    let whole = try folder.contents(of: "deep/store.bin")
    for cut in [1, 5, 60, 200] {
      try folder.write(whole.dropLast(min(cut, whole.count / 2 - 1)), to: "deep/store.bin")
      do {
        let store = try FileAnnouncementStore(path: path)
        #expect(try await store.load() == [held("a.example.org")])
        try await store.save([held("c.example.org")])
        store.close()
      }
      let store = try FileAnnouncementStore(path: path)
      #expect(try await store.load() == [held("a.example.org"), held("c.example.org")])
      store.close()
    }
  }

  @Test func whatIsNoStoreIsLeftAlone() throws {
    try FileManager.default.createDirectory(atPath: folder.file("deep"), withIntermediateDirectories: true)
    let other = Data("this is somebody's letter".utf8)
    try folder.write(other, to: "deep/store.bin")
    let error = #expect(throws: DatastoreError.self) { try FileAnnouncementStore(path: path) }
    #expect(error?.kind == .notUsable)
    #expect(try folder.contents(of: "deep/store.bin") == other)
  }

  @Test func twoAtOneFileAreRefused() throws {
    let store = try FileAnnouncementStore(path: path)
    let error = #expect(throws: DatastoreError.self) { try FileAnnouncementStore(path: path) }
    #expect(error?.kind == .locked)
    withExtendedLifetime(store) {}
  }

  @Test func aFileThatWasLetGoIsFreeThoughAProcessThatIsBeingStartedHasACopy() throws {
    let first = try EntryFile(path: path)
    let copies = OwnProcess.copies(ofDescriptorsAt: path + ".lock")
    #expect(copies.count == 1)
    first.end()
    try EntryFile(path: path).end()
    for copy in copies { close(copy) }
  }

  @Test func aFileThatIsMostlyOutOfDateIsWrittenAnew() async throws {
    let store = try FileAnnouncementStore(path: path)
    let names = (0..<20).map { "n\($0).example.org" }
    for round in 0..<80 {
      try await store.save(names.map { held($0, until: noon + Double(round)) })
      if round.isMultiple(of: 7) { try await store.remove([held("n3.example.org")]) }
    }
    #expect(try folder.contents(of: "deep/store.bin").count < 80_000)
    #expect(!FileManager.default.fileExists(atPath: path + ".new"))
    #expect(try await store.load() == names.sorted().map { held($0, until: noon + 79) })
  }

  @Test func concurrentChangesAllTakeEffect() async throws {
    let store = try FileAnnouncementStore(path: path)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask {
          try await store.save([held("keep\(number).example.org"), held("drop\(number).example.org")])
          try await store.remove([held("drop\(number).example.org")])
        }
      }
      try await group.waitForAll()
    }
    #expect(Set(try await store.load().map(\.domain)) == Set((0..<40).map { "keep\($0).example.org" }))
  }

  @Test func aStoreInMemoryForgetsWithItsEnd() async throws {
    let store = try StoreType.memory.open(path: "")
    try await store.save([held("b.example.org"), held("a.example.org")])
    try await store.remove([held("b.example.org"), held("c.example.org")])
    #expect(try await store.load() == [held("a.example.org")])
    #expect(try await StoreType.memory.open(path: "").load().isEmpty)
  }

  @Test func theNameOfAPrivateProxyIsDrawnOnce() throws {
    let name = try InstanceFile.instance(beside: path)
    #expect(try InstanceFile.instance(beside: path) == name)
    #expect(try InstanceFile.instance(beside: folder.file("other")) != name)
    try folder.write(Data("not a name\n".utf8), to: "deep/store.bin.instance")
    let error = #expect(throws: DatastoreError.self) { try InstanceFile.instance(beside: path) }
    #expect(error?.kind == .notUsable)
  }
}
