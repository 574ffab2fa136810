import FoundationEssentials
import Glibc

/// Creates what SQLite would create with rights for everybody, or not at all.
enum StoreFile {
  /// Makes sure that a file is at the path: folders for us alone, the file readable and writable for us alone. What is
  /// there already keeps its rights. The log beside the file gets the file's rights from SQLite.
  static func create(at path: String) throws(DatastoreError) {
    guard !path.isEmpty else {
      throw DatastoreError(kind: .notAccessible, path: path, message: "the path of the file is empty")
    }
    try createFolders(of: path)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(errno, path: path, doing: "opening the file") }
    defer { close(descriptor) }
    try checkBeginning(of: descriptor, path: path)
  }

  /// SQLite takes a file of a few bytes for a new database and writes over it; we do not.
  private static func checkBeginning(of descriptor: Int32, path: String) throws(DatastoreError) {
    let expected = Array("SQLite format 3\0".utf8)
    var found = [UInt8](repeating: 0, count: expected.count)
    let count = read(descriptor, &found, found.count)
    guard count >= 0 else { throw failure(errno, path: path, doing: "reading the file") }
    guard count == 0 || found == expected else {
      throw DatastoreError(
        kind: .notUsable, path: path, message: "opening the file: it is no SQLite database",
        hint: "give the store a path of its own, or restore the file from a backup")
    }
  }

  static func createFolders(of path: String) throws(DatastoreError) {
    var ends = path.indices.filter { path[$0] == "/" }
    // The root is there.
    if ends.first == path.startIndex { ends.removeFirst() }
    for end in ends {
      let folder = String(path[..<end])
      guard mkdir(folder, 0o700) != 0 else { continue }
      let problem = errno
      // EEXIST also when something else than a folder is there; opening the file will say so. EROFS and EACCES may stand
      // for a folder that exists.
      if problem == EEXIST || access(folder, F_OK) == 0 { continue }
      throw failure(problem, path: path, doing: "creating the folder \(folder)")
    }
  }

  static func failure(_ code: Int32, path: String, doing: String) -> DatastoreError {
    let kind: DatastoreError.Kind = code == ENOSPC || code == EDQUOT ? .full : .notAccessible
    let hint = code == EACCES || code == EPERM || code == EROFS ? "give the file a place where this user may write" : nil
    return DatastoreError(
      kind: kind, path: path, message: "\(doing): \(String(cString: strerror(code)))", hint: hint,
      cause: POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO))
  }
}
