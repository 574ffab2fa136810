/// What went wrong with a store: a fault of ours or of the machine, never of a peer.
public struct DatastoreError: Error, Sendable {
  public enum Kind: Hashable, Sendable {
    /// The file or its folder cannot be created, opened, read or written.
    case notAccessible
    /// What is there is no store of ours, is damaged, or was written by a later version. It is left as it is.
    case notUsable
    /// No space left.
    case full
    /// Another process keeps the store locked.
    case locked
    /// Anything else.
    case failed
  }

  public let kind: Kind
  /// The file.
  public let path: String
  /// What we were doing and what was found, in one line.
  public let message: String
  /// What the operator can do about it.
  public let hint: String?
  /// What the library or the system said.
  public let cause: (any Error)?

  public init(kind: Kind, path: String, message: String, hint: String? = nil, cause: (any Error)? = nil) {
    self.kind = kind
    self.path = path
    self.message = message
    self.hint = hint
    self.cause = cause
  }
}

extension DatastoreError: CustomStringConvertible {
  public var description: String { "datastore \(path): \(message)" }
}
