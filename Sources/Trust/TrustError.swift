/// Why certificates or keys of our own cannot be used.
///
/// What a peer presents is judged by ``PeerVerifier`` and refused with a ``PeerRefusal`` instead. Equality compares kinds.
public struct TrustError: Error, Sendable {
  /// What is wrong; callers decide by this, never by the text.
  public enum Kind: Hashable, Sendable {
    /// A file is not there.
    case missingFile
    /// A file is there but cannot be read: permission, a folder in its place, too large.
    case unreadableFile
    /// The content is not what it should be: no certificate, no key, broken PEM.
    case malformed
    /// The key is not the one the certificate was issued for.
    case keyMismatch
    /// The certificate has expired or is not valid yet.
    case outsideValidity
    /// Only one of certificate and key is given.
    case incomplete
    /// A new certificate is somebody else's.
    case wrongName
    /// A file could not be written.
    case unwritable
    /// Somebody else is making certificates in the same folder.
    case busy
  }

  public var kind: Kind
  /// What was being done, to which file, and what was found; lower case, no full stop.
  public var message: String
  /// What the operator can do next.
  public var hint: String?

  public init(_ kind: Kind, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.message = message
    self.hint = hint
  }

  /// The hint where new development certificates would help.
  static let makeCertificates = "for development certificates run `make certs`"
}

extension TrustError: Equatable {
  public static func == (left: TrustError, right: TrustError) -> Bool { left.kind == right.kind }
}

extension TrustError: CustomStringConvertible {
  public var description: String { message }
}
