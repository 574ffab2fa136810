import Announcements
import Foundation
import Glibc
import Harness
import HyperModel
import Testing

@testable import Datastore

/// A real process that is killed at any moment while it stores has everything that it was told is stored.
@Suite(.serialized, .ownThreads) struct CrashTests {
  @Test(arguments: [StoreType.sqlite, .file], [1, 40, 300])
  func aKilledProcessLosesNothingThatWasStored(_ type: StoreType, killAfter: Int) async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("store")
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [kind = type.rawValue as String, path = path as String, killAfter = killAfter as Int] in
      await OwnProcess.run(minutes: 2) { try await saveUntilKilled(kind, path, after: killAfter) }
    }
    let lines = String(decoding: try folder.contents(of: "store.saved"), as: UTF8.self).split(separator: "\n").compactMap { Int($0) }
    let last = try #require(lines.last)
    #expect(last + 1 >= killAfter)
    let found = Set(try await type.open(path: path).load().map(\.domain))
    // Every fifth removes the one before it; what was under way at the end may or may not be there.
    let expected = Set((0...last).filter { !($0 + 1).isMultiple(of: 5) }.map { "n\($0).example.org" })
    let underWay = Set([last, last + 1].map { "n\($0).example.org" })
    #expect(expected.isSubset(of: found), "missing: \(expected.subtracting(found))")
    #expect(found.subtracting(expected).isSubset(of: underWay), "\(found.subtracting(expected))")
  }
}

/// Saves names one after the other, and writes each down that was saved, until it is killed.
private func saveUntilKilled(_ type: String, _ path: String, after killAfter: Int) async throws {
  let store = try #require(StoreType(rawValue: type)).open(path: path)
  let acknowledged = open(path + ".saved", O_WRONLY | O_CREAT | O_APPEND, 0o600)
  var saved = 0
  while true {
    let name = "n\(saved).example.org"
    if saved == killAfter {
      // In the middle of the next save, wherever that is then.
      let thread = Thread {
        usleep(UInt32.random(in: 0..<3000))
        kill(getpid(), SIGKILL)
      }
      thread.start()
    }
    try await store.save([StoredAnnouncement(Announcement(domain: name, owner: "alice"))])
    if saved > 0, saved.isMultiple(of: 5) {
      try await store.remove([StoredAnnouncement(Announcement(domain: "n\(saved - 1).example.org", owner: "alice"))])
    }
    let line = Array("\(saved)\n".utf8)
    _ = write(acknowledged, line, line.count)
    saved += 1
  }
}
