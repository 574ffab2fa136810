import Foundation
import Harness
import Testing

@testable import Operations

#if canImport(Glibc)
  import Glibc
#endif

/// A folder of one test, removed with it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    // Short, because socket paths are.
    path = "/tmp/hyper-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit {
    // A folder that cannot be removed is the machine's business, not the test's.
    try? FileManager.default.removeItem(atPath: path)
  }
}

struct SocketOwnershipTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path + "/a.sock" }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
  }

  /// Binds and closes: the socket file of a process that died.
  private func leaveSocket(at path: String) throws {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { _ = close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) } }
    try #require(result == 0)
  }

  @Test func aFreePathIsTakenAndItsFolderIsPrivate() throws {
    let deep = folder.path + "/run/inner/a.sock"
    let ownership = try SocketOwnership.take(path: deep)
    #expect(try mode(folder.path + "/run") == 0o700)
    #expect(try mode(folder.path + "/run/inner") == 0o700)
    #expect(try mode(deep + ".lock") == 0o600)
    ownership.release()
  }

  @Test func aSecondOwnerIsToldWhoLives() throws {
    let first = try SocketOwnership.take(path: path)
    let failure = #expect(throws: StartFailure.self) { try SocketOwnership.take(path: path) }
    #expect(failure?.message == "already running: socket \(path) belongs to process \(getpid())")
    #expect(failure?.status == ExitStatus.failure)
    first.release()
    try SocketOwnership.take(path: path).release()
  }

  @Test func whatIsReleasedCanBeTakenThoughAProcessThatIsBeingStartedHasACopy() throws {
    let first = try SocketOwnership.take(path: path)
    let copies = OwnProcess.copies(ofDescriptorsAt: path + ".lock")
    #expect(copies.count == 1)
    first.release()
    try SocketOwnership.take(path: path).release()
    for copy in copies { close(copy) }
  }

  @Test func theStaleSocketOfADeadOwnerIsRemoved() throws {
    try leaveSocket(at: path)
    let ownership = try SocketOwnership.take(path: path)
    #expect(!FileManager.default.fileExists(atPath: path))
    ownership.release()
  }

  @Test func theSocketOfALivingOwnerIsLeftAlone() throws {
    let first = try SocketOwnership.take(path: path)
    try leaveSocket(at: path)
    #expect(throws: StartFailure.self) { try SocketOwnership.take(path: path) }
    #expect(FileManager.default.fileExists(atPath: path))
    first.release()
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func releasingTwiceDoesNotRemoveTheNextOwnersSocket() throws {
    let first = try SocketOwnership.take(path: path)
    first.release()
    let second = try SocketOwnership.take(path: path)
    try leaveSocket(at: path)
    first.release()
    #expect(FileManager.default.fileExists(atPath: path))
    second.release()
  }

  @Test func aFileThatIsNoSocketIsNeverRemoved() throws {
    try Data("precious".utf8).write(to: URL(filePath: path))
    let failure = #expect(throws: StartFailure.self) { try SocketOwnership.take(path: path) }
    #expect(failure?.message == "\(path) exists and is no socket")
    #expect(FileManager.default.fileExists(atPath: path))
    // The failed attempt keeps no lock.
    try FileManager.default.removeItem(atPath: path)
    try SocketOwnership.take(path: path).release()
  }

  @Test(arguments: [(107, true), (108, false), (4096, false)])
  func pathsThatDoNotFitAreAClearError(length: Int, fits: Bool) throws {
    let path = folder.path + "/" + String(repeating: "s", count: length - folder.path.utf8.count - 1)
    if fits {
      try SocketOwnership.take(path: path).release()
    } else {
      let failure = #expect(throws: StartFailure.self) { try SocketOwnership.take(path: path) }
      #expect(failure?.message.contains("\(length) bytes, at most 107 fit") == true)
      #expect(failure?.status == ExitStatus.badUsage)
    }
  }

  @Test(arguments: ["", "a\u{0}b"])
  func emptyOrCutPathsAreRefused(path: String) {
    #expect(throws: StartFailure.self) { try SocketOwnership.take(path: path) }
  }

  @Test func aFolderThatIsAFileIsAClearError() throws {
    try Data().write(to: URL(filePath: folder.path + "/f"))
    let failure = #expect(throws: StartFailure.self) { try SocketOwnership.take(path: folder.path + "/f/a.sock") }
    #expect(failure?.message.contains("Not a directory") == true)
  }

  @Test func modeAndGroupOfTheSocketAreSet() throws {
    let ownership = try SocketOwnership.take(path: path)
    try leaveSocket(at: path)
    try ownership.protect()
    #expect(try mode(path) == 0o600)
    try ownership.protect(mode: 0o660, group: String(getgid()))
    #expect(try mode(path) == 0o660)
    let failure = #expect(throws: StartFailure.self) { try ownership.protect(group: "no such group") }
    #expect(failure?.message == "there is no group \"no such group\" for socket \(path)")
    ownership.release()
  }

  @Test func anotherProcessThatDiesGivesThePathUp() throws {
    // `flock` of util-linux holds the lock in a process of its own; `cat` answers once the lock is held.
    let holder = Process()
    holder.executableURL = URL(filePath: "/usr/bin/flock")
    holder.arguments = ["--no-fork", path + ".lock", "cat"]
    let input = Pipe()
    let output = Pipe()
    holder.standardInput = input
    holder.standardOutput = output
    try holder.run()
    input.fileHandleForWriting.write(Data("x\n".utf8))
    #expect(output.fileHandleForReading.readData(ofLength: 2) == Data("x\n".utf8))
    let failure = #expect(throws: StartFailure.self) { try SocketOwnership.take(path: path) }
    #expect(failure?.message == "already running: socket \(path) belongs to a living process")
    kill(holder.processIdentifier, SIGKILL)
    holder.waitUntilExit()
    try SocketOwnership.take(path: path).release()
  }
}
