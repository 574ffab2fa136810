import Glibc
import Synchronization

/// The right to listen on a Unix socket path, held by at most one living process (DESIGN.md 4).
///
/// A lock on `PATH.lock` says whether the owner lives: the kernel gives it up when the process ends, however it ends. The holder may remove
/// a stale socket and bind its own. The lock file itself stays, because removing it would let two processes lock two different files.
/// The descriptor of the lock is the only mutable state, behind its mutex; it closes on exec, so children do not keep the lock.
public final class SocketOwnership: Sendable {
  public let path: String
  private let lock: Mutex<Int32?>

  /// What fits into `sockaddr_un.sun_path` with its final zero.
  public static let pathLimit = 107

  private init(path: String, descriptor: Int32) {
    self.path = path
    lock = Mutex(descriptor)
  }

  /// Takes the path: prepares its folder (mode 0700 where it has to be made), takes the lock and removes a stale socket.
  ///
  /// - Throws: `StartFailure` when the path is too long, somebody who lives owns it, or something that is no socket is there.
  public static func take(path: String) throws(StartFailure) -> SocketOwnership {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw StartFailure("the path of a Unix socket is empty or holds a zero byte", status: ExitStatus.badUsage)
    }
    guard path.utf8.count <= pathLimit else {
      throw StartFailure(
        "Unix socket path has \(path.utf8.count) bytes, at most \(pathLimit) fit: \(path)", hint: "use a shorter or relative path",
        status: ExitStatus.badUsage)
    }
    try makeFolder(of: path)
    let descriptor = try locked(path)
    do {
      try removeStaleSocket(path)
    } catch {
      _ = close(descriptor)
      throw error
    }
    return SocketOwnership(path: path, descriptor: descriptor)
  }

  /// Sets mode and group of the bound socket. Until then the folder's mode protects it.
  ///
  /// - Parameter group: a group's name or number; nil leaves the group as it is.
  /// - Throws: `StartFailure` when there is no such group or we may not.
  public func protect(mode: UInt32 = 0o600, group: String? = nil) throws(StartFailure) {
    if let group {
      guard let number = Self.groupNumber(group) else {
        throw StartFailure("there is no group \"\(group)\" for socket \(path)", hint: "check socket_group", status: ExitStatus.badUsage)
      }
      guard chown(path, uid_t.max, number) == 0 else {
        throw StartFailure("cannot give socket \(path) to group \"\(group)\": \(reason(errno))", hint: "be a member of the group")
      }
    }
    guard chmod(path, mode) == 0 else { throw StartFailure("cannot set the mode of socket \(path): \(reason(errno))") }
  }

  /// Removes the socket and gives the path up. Doing it twice does nothing the second time.
  public func release() {
    let descriptor = lock.withLock { held in
      defer { held = nil }
      return held
    }
    guard let descriptor else { return }
    _ = unlink(path)
    // Not left to the end of the last copy: a process that is being started has one for a moment.
    _ = flock(descriptor, LOCK_UN)
    _ = close(descriptor)
  }

  deinit {
    release()
  }

  private static func locked(_ path: String) throws(StartFailure) -> Int32 {
    let file = path + ".lock"
    let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw StartFailure("cannot open lock file \(file): \(reason(errno))", hint: "check the folder's owner and mode")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let owner = ownerNumber(descriptor)
      _ = close(descriptor)
      guard code == EWOULDBLOCK else { throw StartFailure("cannot lock \(file): \(reason(code))") }
      throw StartFailure("already running: socket \(path) belongs to \(owner)", hint: "stop that one first")
    }
    // The number is for people who read the message above; the lock alone decides.
    let number = Array("\(getpid())\n".utf8)
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, number, number.count, 0)
    return descriptor
  }

  private static func ownerNumber(_ descriptor: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    let digits = String(decoding: buffer.prefix(max(0, count)).prefix { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self)
    return digits.isEmpty ? "a living process" : "process \(digits)"
  }

  private static func removeStaleSocket(_ path: String) throws(StartFailure) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      guard errno == ENOENT else { throw StartFailure("cannot look at \(path): \(reason(errno))") }
      return
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw StartFailure("\(path) exists and is no socket", hint: "choose another path or remove the file")
    }
    guard unlink(path) == 0 || errno == ENOENT else { throw StartFailure("cannot remove stale socket \(path): \(reason(errno))") }
  }

  /// Makes the missing folders above the path, for their owner only; folders that exist stay as they are.
  private static func makeFolder(of path: String) throws(StartFailure) {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
    let folder = String(path[..<slash])
    if mkdir(folder, 0o700) == 0 || errno == EEXIST { return }
    if errno == ENOENT {
      try makeFolder(of: folder)
      if mkdir(folder, 0o700) == 0 || errno == EEXIST { return }
    }
    throw StartFailure("cannot create folder \(folder) for a Unix socket: \(reason(errno))")
  }

  private static func groupNumber(_ group: String) -> gid_t? {
    if let number = gid_t(group) { return number }
    var entry = Glibc.group()
    var found: UnsafeMutablePointer<Glibc.group>?
    // Large groups list their members in this buffer.
    var buffer = [CChar](repeating: 0, count: 64 << 10)
    guard getgrnam_r(group, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
    return entry.gr_gid
  }
}

private func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
