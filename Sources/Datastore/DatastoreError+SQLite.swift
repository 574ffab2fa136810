import GRDB

extension DatastoreError {
  /// Puts what the library said into our words.
  init(_ error: any Error, path: String, doing: String) {
    switch error {
    case let error as DatabaseError:
      let kind = Kind(error.resultCode)
      let said = error.message ?? "SQLite error \(error.resultCode.rawValue)"
      self.init(kind: kind, path: path, message: "\(doing): \(said)", hint: Self.hint(for: kind), cause: error)
    case SchemaProblem.foreign:
      self.init(
        kind: .notUsable, path: path, message: "\(doing): the file is a database of another program",
        hint: "give the store a path of its own", cause: error)
    case SchemaProblem.damaged(let finding):
      self.init(
        kind: .notUsable, path: path, message: "\(doing): the file is damaged: \(finding)", hint: Self.hint(for: .notUsable),
        cause: error)
    case SchemaProblem.fromLaterVersion:
      self.init(
        kind: .notUsable, path: path, message: "\(doing): the file was written by a later version of this program",
        hint: "use that version, or give this one a path of its own", cause: error)
    case SchemaProblem.badRow(let domain):
      self.init(
        kind: .notUsable, path: path, message: "\(doing): the row of \(domain.debugDescription) makes no sense",
        hint: Self.hint(for: .notUsable), cause: error)
    default:
      self.init(kind: .failed, path: path, message: "\(doing): \(error)", cause: error)
    }
  }

  private static func hint(for kind: Kind) -> String? {
    switch kind {
    case .notAccessible: "check that this user may write to the file and its folder, and that the disk has room"
    case .notUsable: "restore the file from a backup, or move it away and announce the names again"
    case .full: "make room on the disk"
    case .locked: "another process keeps the file open for writing: give each program a file of its own"
    case .failed: nil
    }
  }
}

extension DatastoreError.Kind {
  fileprivate init(_ code: ResultCode) {
    switch code {
    case .SQLITE_NOTADB, .SQLITE_CORRUPT: self = .notUsable
    case .SQLITE_FULL: self = .full
    case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_IOERR, .SQLITE_AUTH: self = .notAccessible
    default: self = .failed
    }
  }
}
