import Glibc

/// A file as it was when it was looked at. Any change of its content changes this too, or happens within one tick of the file system's
/// clock (some milliseconds).
public struct FileMark: Hashable, Sendable {
  public let path: String
  /// Nil when there is no such file, or it cannot be looked at.
  private let found: Found?

  private struct Found: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    var modified: Instant
    /// The inode's change time: also moves when a file is replaced by one that keeps its old modification time.
    var changed: Instant
  }

  private struct Instant: Hashable, Sendable {
    var seconds: Int
    var nanoseconds: Int

    init(_ time: timespec) {
      seconds = time.tv_sec
      nanoseconds = time.tv_nsec
    }
  }

  /// Looks at a file, or at what a link leads to.
  public init(of path: String) {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      found = nil
      return
    }
    found = Found(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size), modified: Instant(status.st_mtim),
      changed: Instant(status.st_ctim))
  }
}
