/// Why an engine could not be started or a port not be opened. Nothing that a peer does ends up here.
public struct RelayError: Error, Sendable, CustomStringConvertible {
  /// What kind of failure it was; nobody has to read the message to decide what to do.
  public enum Kind: Hashable, Sendable {
    /// Another process (or another listener of ours) has the port.
    case addressInUse
    /// The name means nothing, or no address of it exists on this machine.
    case noSuchAddress
    /// The port needs a privilege we lack.
    case permissionDenied
    /// The engine is stopped, or started twice.
    case wrongPhase
    /// The kernel refused something else: descriptors, memory, threads.
    case system
  }

  public let kind: Kind
  /// What was being done, to what, and what was found; lower case, no full stop.
  public let message: String
  /// What the operator may do about it.
  public let hint: String?

  public init(_ kind: Kind, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.message = message
    self.hint = hint
  }

  public var description: String { hint.map { "\(message) (\($0))" } ?? message }
}

extension RelayError: Equatable {
  /// Errors are the same when their kinds are.
  public static func == (left: RelayError, right: RelayError) -> Bool { left.kind == right.kind }
}
