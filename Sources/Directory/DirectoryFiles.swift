import FoundationEssentials
import Glibc
import HyperModel

/// The files that a JSON directory consists of (PROTOCOL.md 8.2): one file, or all files of a folder whose name fits, in name order.
struct DirectoryFiles: Sendable {
  let path: String

  /// A file as it was when it was looked at; any change of its content changes this too, or happens within one tick of the file system's clock.
  struct Mark: Hashable, Sendable {
    let path: String
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let modified: Instant
    /// The inode's change time: also moves when a file is replaced by one that keeps its old modification time.
    let changed: Instant
  }

  struct Instant: Hashable, Sendable {
    let seconds: Int
    let nanoseconds: Int
  }

  /// Real directories hold some hundred kilobytes; a file this large is a mistake.
  static let fileSizeLimit: Int64 = 64 << 20

  /// What there is to read now.
  func marks() throws(DirectoryError) -> [Mark] {
    let found = try status(of: path)
    guard found.st_mode & S_IFMT == S_IFDIR else { return [Mark(path: path, found)] }
    var marks: [Mark] = []
    for name in try names() where Self.isDirectoryFile(name) {
      let file = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
      let status = try status(of: file)
      if status.st_mode & S_IFMT == S_IFREG { marks.append(Mark(path: file, status)) }
    }
    return marks
  }

  /// Reads and checks one file.
  func records(in mark: Mark) throws(DirectoryError) -> [ChangeRecord] {
    let bytes = try read(mark)
    let content: JSONValue
    do throws(JSONSyntaxError) {
      content = try JSONValue(parsing: bytes)
    } catch {
      let line = bytes.prefix(error.offset).count { $0 == 0x0a } + 1
      throw DirectoryError(.malformed, "\(mark.path):\(line): no valid JSON: \(error)")
    }
    guard let records = content["records"]?.array else {
      throw DirectoryError(.malformed, "\(mark.path): expected an object with a list 'records'")
    }
    return try records.enumerated().map { (index, record) throws(DirectoryError) in
      do throws(ShapeError) {
        return try ChangeRecord(json: record)
      } catch {
        let owner = record["name"]?.string.map { " of \($0.shortened)" } ?? ""
        let line = RecordLines.line(ofRecord: index, in: bytes).map { ":\($0)" } ?? ""
        throw DirectoryError(.malformed, "\(mark.path)\(line): record \(index)\(owner): \(error)")
      }
    }
  }

  /// Any character, then `json`, anywhere in the name: the pattern of existing nodes is not anchored.
  static func isDirectoryFile(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    let word = Array("json".utf8)
    guard bytes.count > word.count else { return false }
    return (1...(bytes.count - word.count)).contains { bytes[$0...].starts(with: word) && bytes[$0 - 1] != 0x0a }
  }

  /// The members of the folder in the order of their bytes.
  private func names() throws(DirectoryError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw DirectoryError(.unreadable, "cannot list the directory folder \(path): \(Self.words(for: error))")
    }
  }

  private func status(of path: String) throws(DirectoryError) -> stat {
    var found = stat()
    guard stat(path, &found) == 0 else {
      let code = errno
      throw DirectoryError(
        code == ENOENT || code == ENOTDIR ? .missing : .unreadable,
        "cannot read the directory at \(path): \(String(cString: strerror(code)))")
    }
    return found
  }

  private func read(_ mark: Mark) throws(DirectoryError) -> [UInt8] {
    if mark.size > Self.fileSizeLimit {
      throw DirectoryError(.malformed, "\(mark.path): \(mark.size) bytes, at most \(Self.fileSizeLimit) are read")
    }
    do {
      return [UInt8](try Data(contentsOf: URL(filePath: mark.path, directoryHint: .notDirectory)))
    } catch {
      throw DirectoryError(.unreadable, "cannot read \(mark.path): \(Self.words(for: error))")
    }
  }

  private static func words(for error: any Error) -> String {
    switch (error as? CocoaError)?.code {
    case .fileReadNoPermission: "permission denied"
    case .fileNoSuchFile, .fileReadNoSuchFile: "it is gone"
    default: String(describing: error)
    }
  }
}

extension DirectoryFiles.Mark {
  fileprivate init(path: String, _ status: stat) {
    self.init(
      path: path, device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
      modified: DirectoryFiles.Instant(status.st_mtim), changed: DirectoryFiles.Instant(status.st_ctim))
  }
}

extension DirectoryFiles.Instant {
  fileprivate init(_ time: timespec) {
    self.init(seconds: time.tv_sec, nanoseconds: time.tv_nsec)
  }
}
