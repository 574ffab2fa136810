import Glibc

/// The file under `FileAnnouncementStore`: locked, read as a whole, appended to, replaced. Owns its descriptors.
///
/// Not safe for several threads: the store takes turns.
final class EntryFile {
  private let path: String
  /// Keeps other processes away (PROTOCOL.md 21: two processes on one file are not safe). Beside the file, which is replaced.
  private var lock: Int32
  private var descriptor: Int32
  private(set) var length = 0

  /// - Throws: also when another process has the file.
  init(path: String) throws(DatastoreError) {
    self.path = path
    guard !path.isEmpty else { throw DatastoreError(kind: .notAccessible, path: path, message: "the path of the file is empty") }
    try StoreFile.createFolders(of: path)
    lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    descriptor = -1
    guard lock >= 0 else { throw StoreFile.failure(errno, path: path, doing: "opening the lock beside the file") }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      throw DatastoreError(
        kind: .locked, path: path, message: "another process uses the file", hint: "give each program a file of its own")
    }
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StoreFile.failure(errno, path: path, doing: "opening the file") }
  }

  deinit { end() }

  /// Lets the file go, for others to use. What is called after that fails.
  func end() {
    // Not left to the end of the last copy: a process that is being started has one for a moment.
    if lock >= 0 { _ = flock(lock, LOCK_UN) }
    for number in [descriptor, lock] where number >= 0 { close(number) }
    (descriptor, lock) = (-1, -1)
  }

  func readAll() throws(DatastoreError) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = pread(descriptor, &buffer, buffer.count, bytes.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw StoreFile.failure(errno, path: path, doing: "reading the file") }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    length = bytes.count
    return bytes
  }

  /// On the disk when it returns. What could not be written whole is taken back.
  func append(_ bytes: [UInt8]) throws(DatastoreError) {
    do {
      try Self.write(bytes, to: descriptor, path: path)
    } catch {
      // A rest that stays behind is one of the torn ends that reading leaves out.
      _ = ftruncate(descriptor, length)
      throw error
    }
    length += bytes.count
  }

  /// Puts other contents in the place of the file's: those that were there or the new ones, whatever happens in between.
  func replace(with bytes: [UInt8]) throws(DatastoreError) {
    let other = path + ".new"
    let replacement = open(other, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
    guard replacement >= 0 else { throw StoreFile.failure(errno, path: other, doing: "creating a shorter file") }
    do {
      try Self.write(bytes, to: replacement, path: other)
    } catch {
      close(replacement)
      unlink(other)
      throw error
    }
    guard rename(other, path) == 0 else {
      let code = errno
      close(replacement)
      unlink(other)
      throw StoreFile.failure(code, path: path, doing: "putting a shorter file in place")
    }
    close(descriptor)
    descriptor = replacement
    length = bytes.count
    syncFolder()
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(DatastoreError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw StoreFile.failure(errno, path: path, doing: "writing the file") }
      written += count
    }
    guard fsync(descriptor) == 0 else { throw StoreFile.failure(errno, path: path, doing: "writing the file to the disk") }
  }

  /// So that the new name survives a loss of power. File systems that cannot do it write names in order anyway.
  private func syncFolder() {
    let slash = path.lastIndex(of: "/")
    let folder = open(slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    _ = fsync(folder)
    close(folder)
  }
}
