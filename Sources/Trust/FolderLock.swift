import Glibc

/// Keeps two runs from making certificates in one folder at the same time; the kernel ends it with the process.
struct FolderLock: ~Copyable {
  private let descriptor: Int32

  init(folder: String) throws(TrustError) {
    let opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { throw TrustError(.unwritable, "cannot open folder \(folder): \(SmallFile.reason(errno))") }
    guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
      _ = close(opened)
      throw TrustError(.busy, "certificates are being made in \(folder) by another process", hint: "wait for it and try again")
    }
    descriptor = opened
  }

  deinit {
    _ = close(descriptor)
  }
}
