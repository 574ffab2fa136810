import Foundation
import Glibc

/// Reads and writes the small files this target deals with.
enum SmallFile {
  /// Bundles of the world's public authorities are about 250 KB.
  static let sizeLimit = 1 << 20

  /// Modes of what is written: keys for their owner only, certificates for everybody.
  static let secret: mode_t = 0o600
  static let readable: mode_t = 0o644

  /// The whole content of a regular file.
  static func read(_ path: String, what: String) throws(TrustError) -> [UInt8] {
    // O_NONBLOCK: opening a named pipe would otherwise wait for a writer.
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      guard code == ENOENT || code == ENOTDIR else {
        throw TrustError(.unreadableFile, "cannot read \(what) \(path): \(reason(code))", hint: "check its owner and mode")
      }
      throw TrustError(.missingFile, "\(what) \(path) does not exist", hint: TrustError.makeCertificates)
    }
    defer { _ = Glibc.close(descriptor) }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw TrustError(.unreadableFile, "cannot read \(what) \(path): \(reason(errno))") }
      guard count > 0 else { return content }
      content += buffer[..<count]
      guard content.count <= sizeLimit else {
        throw TrustError(.unreadableFile, "\(what) \(path) is larger than \(sizeLimit) bytes")
      }
    }
  }

  /// Writes a file so that readers see the old content or the new one, never a part, and never with a wider mode than asked for.
  static func write(_ text: String, to path: String, mode: mode_t) throws(TrustError) {
    let temporary = "\(path).\(getpid()).tmp"
    _ = unlink(temporary)
    let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw TrustError(.unwritable, "cannot create \(temporary): \(reason(errno))") }
    let failure = writeAll(Array(text.utf8), to: descriptor)
    _ = Glibc.close(descriptor)
    if let failure {
      _ = unlink(temporary)
      throw TrustError(.unwritable, "cannot write \(temporary): \(reason(failure))")
    }
    guard rename(temporary, path) == 0 else {
      let code = errno
      _ = unlink(temporary)
      throw TrustError(.unwritable, "cannot put \(path) in place: \(reason(code))")
    }
  }

  /// The error number, or nil when everything is on disk.
  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return errno }
      written += count
    }
    return fsync(descriptor) == 0 ? nil : errno
  }

  /// Creates a folder and those above it.
  static func makeFolder(_ path: String) throws(TrustError) {
    guard !path.isEmpty, mkdir(path, 0o755) != 0 else { return }
    switch errno {
    case EEXIST:
      let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else { throw TrustError(.unwritable, "cannot use folder \(path): \(reason(errno))") }
      _ = Glibc.close(descriptor)
    case ENOENT:
      guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { fallthrough }
      try makeFolder(String(path[..<slash]))
      guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
        throw TrustError(.unwritable, "cannot create folder \(path): \(reason(errno))")
      }
    default:
      throw TrustError(.unwritable, "cannot create folder \(path): \(reason(errno))")
    }
  }

  /// Whether a file exists and belongs to its owner alone.
  static func isPrivate(_ path: String) -> Bool {
    // The reason is lost on purpose: a file whose mode cannot be read is not known to be private.
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard let mode = attributes?[.posixPermissions] as? NSNumber else { return false }
    return mode.uint16Value & 0o077 == 0
  }

  static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
