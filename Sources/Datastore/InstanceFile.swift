public import Announcements
import Glibc

/// The name under which a private proxy announces, kept beside its store so that a restart does not change it.
public enum InstanceFile {
  /// Reads the name, or draws one and writes it.
  ///
  /// - Parameter path: of the store; the name is in `PATH.instance`.
  /// - Throws: when it can be neither read nor written, or is no name.
  public static func instance(beside path: String) throws(DatastoreError) -> InstanceID {
    let file = path + ".instance"
    try StoreFile.createFolders(of: file)
    let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StoreFile.failure(errno, path: file, doing: "opening the name of this proxy") }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 128)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    guard count >= 0 else { throw StoreFile.failure(errno, path: file, doing: "reading the name of this proxy") }
    let text = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
    if let instance = InstanceID(text) { return instance }
    guard text.isEmpty else {
      throw DatastoreError(
        kind: .notUsable, path: file, message: "reading the name of this proxy: \(text.debugDescription) is none",
        hint: "remove the file: a new name is drawn")
    }
    var generator = SystemRandomNumberGenerator()
    let instance = InstanceID.random(using: &generator)
    let line = Array("\(instance)\n".utf8)
    guard pwrite(descriptor, line, line.count, 0) == line.count, fsync(descriptor) == 0 else {
      throw StoreFile.failure(errno, path: file, doing: "writing the name of this proxy")
    }
    return instance
  }
}
