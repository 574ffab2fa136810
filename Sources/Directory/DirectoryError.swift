/// Why a directory cannot be loaded.
public struct DirectoryError: Error, Sendable {
  public let kind: Kind
  /// What was being read and what was found instead, in one line.
  public let message: String

  public enum Kind: Hashable, Sendable {
    /// There is nothing at the path.
    case missing
    /// It is there but cannot be read.
    case unreadable
    /// It was read and is no directory data.
    case malformed
  }

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}

extension DirectoryError: CustomStringConvertible {
  public var description: String { message }
}
