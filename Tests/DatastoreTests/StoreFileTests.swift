import Announcements
import Datastore
import Foundation
import Glibc
import HyperModel
import Testing

/// What happens with files and folders that are not as we would like them.
@Suite struct StoreFileTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private let announcement = StoredAnnouncement(kind: .publicSide, domain: "a.example.org", peer: "alice")

  private func openingError(_ path: String) throws -> DatastoreError {
    try #require(throws: DatastoreError.self) { try SQLiteAnnouncementStore(path: path) }
  }

  /// A store with something in it, closed, and its bytes.
  private func makeStore(_ name: String) async throws -> Data {
    let store = try SQLiteAnnouncementStore(path: folder.file(name))
    try await store.save((0..<500).map { StoredAnnouncement(kind: .publicSide, domain: "n\($0).example.org", peer: "alice") })
    try store.close()
    return try folder.contents(of: name)
  }

  @Test func missingFoldersAndFilesAreCreatedForUsAlone() async throws {
    let path = folder.file("one/two//three/store.sqlite")
    let store = try SQLiteAnnouncementStore(path: path)
    try await store.save([announcement])
    for created in ["one", "one/two", "one/two/three"] { #expect(try TemporaryFolder.mode(of: folder.file(created)) == 0o700) }
    for suffix in ["", "-wal", "-shm"] { #expect(try TemporaryFolder.mode(of: path + suffix) == 0o600, "\(suffix)") }
  }

  @Test func whatIsThereKeepsItsRights() throws {
    let path = folder.file("store.sqlite")
    try folder.write(Data(), to: "store.sqlite")
    #expect(chmod(path, 0o640) == 0)
    let mode = try TemporaryFolder.mode(of: folder.path)
    _ = try SQLiteAnnouncementStore(path: path)
    #expect(try TemporaryFolder.mode(of: path) == 0o640)
    #expect(try TemporaryFolder.mode(of: folder.path) == mode)
  }

  @Test(arguments: ["garbage\n", String(repeating: "This is no database. ", count: 500), "x"])
  func aFileThatIsNoDatabaseIsRefusedAndKept(_ text: String) throws {
    try folder.write(Data(text.utf8), to: "notes.txt")
    let error = try openingError(folder.file("notes.txt"))
    #expect(error.kind == .notUsable)
    #expect(error.description.contains(folder.file("notes.txt")))
    #expect(error.hint != nil)
    #expect(try folder.contents(of: "notes.txt") == Data(text.utf8))
  }

  @Test func aDamagedStoreIsRefusedAndKept() async throws {
    var bytes = try await makeStore("store.sqlite")
    // The pages behind the first: rows and index.
    bytes.replaceSubrange(4096..<bytes.count, with: Data(repeating: 0x5A, count: bytes.count - 4096))
    try folder.write(bytes, to: "store.sqlite")
    let error = try openingError(folder.file("store.sqlite"))
    #expect(error.kind == .notUsable)
    #expect(try folder.contents(of: "store.sqlite") == bytes)
  }

  @Test func aStoreThatWasCutShortIsRefusedAndKept() async throws {
    let bytes = try await makeStore("store.sqlite").dropLast(5000)
    try folder.write(bytes, to: "store.sqlite")
    #expect(try openingError(folder.file("store.sqlite")).kind == .notUsable)
    #expect(try folder.contents(of: "store.sqlite") == bytes)
  }

  @Test func aLogThatWasCutShortLosesNoMoreThanItsEnd() async throws {
    let store = try SQLiteAnnouncementStore(path: folder.file("store.sqlite"))
    for number in 0..<5 { try await store.save([StoredAnnouncement(kind: .publicSide, domain: "n\(number).example.org", peer: "a")]) }
    // What a crash leaves behind: the file and a log whose last write did not arrive whole.
    let log = try folder.contents(of: "store.sqlite-wal")
    try folder.write(try folder.contents(of: "store.sqlite"), to: "copy.sqlite")
    try folder.write(log.dropLast(5), to: "copy.sqlite-wal")
    let copy = try SQLiteAnnouncementStore(path: folder.file("copy.sqlite"))
    #expect(try await copy.load().map(\.domain) == (0..<4).map { "n\($0).example.org" })
  }

  @Test func theDatabaseOfAnotherProgramIsRefusedAndKept() async throws {
    var bytes = try await makeStore("store.sqlite")
    // The application id, SQLite file format 1.3: offset 68, four bytes.
    bytes.replaceSubrange(68..<72, with: [0, 0, 0, 1])
    try folder.write(bytes, to: "store.sqlite")
    let error = try openingError(folder.file("store.sqlite"))
    #expect(error.kind == .notUsable)
    #expect(error.description.contains("another program"))
    #expect(try folder.contents(of: "store.sqlite") == bytes)
  }

  @Test func aFolderInPlaceOfTheFileIsNamed() throws {
    let error = try openingError(folder.path)
    #expect(error.kind == .notAccessible)
    #expect(error.description.contains("Is a directory"))
  }

  @Test func aFileInPlaceOfAFolderIsNamed() throws {
    try folder.write(Data([1]), to: "file")
    let error = try openingError(folder.file("file/store.sqlite"))
    #expect(error.kind == .notAccessible)
    #expect(error.description.contains("Not a directory"))
    #expect(try folder.contents(of: "file") == Data([1]))
  }

  @Test func anEmptyPathIsNamed() throws {
    #expect(try openingError("").kind == .notAccessible)
  }

  @Test(.enabled(if: getuid() != 0, "root may write everywhere"))
  func aFolderWithoutRightsIsNamed() throws {
    #expect(chmod(folder.path, 0o500) == 0)
    defer { chmod(folder.path, 0o700) }
    let error = try openingError(folder.file("store.sqlite"))
    #expect(error.kind == .notAccessible)
    #expect(error.hint != nil)
  }

  @Test func aRelativePathIsTakenFromTheWorkingDirectory() throws {
    let name = "datastore-test-\(UUID().uuidString)"
    let place = FileManager.default.currentDirectoryPath + "/" + name
    defer { try? FileManager.default.removeItem(atPath: place) }  // what is left behind harms nobody
    let store = try SQLiteAnnouncementStore(path: "\(name)/store.sqlite")
    #expect(FileManager.default.fileExists(atPath: place + "/store.sqlite"))
    try store.close()
  }
}
