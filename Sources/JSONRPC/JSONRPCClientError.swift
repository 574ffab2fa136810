public import Operations
import Trust

/// Why a call brought no answer. An error object of the other side is an answer, not this.
///
/// Equality compares kinds.
public struct JSONRPCClientError: Error, Sendable {
  /// What happened; callers decide by this, never by the text.
  public enum Kind: Hashable, Sendable {
    /// Nobody listens there, or no connection came about. The call was not sent.
    case unreachable
    /// The other side is not who it should be, or does not take our certificate. The call was not sent, or not looked at.
    case refusedIdentity
    /// No answer before the deadline. The call may have been carried out.
    case timeout
    /// The connection ended before the answer was whole. The call may have been carried out.
    case interrupted
    /// What came back is no JSON-RPC answer.
    case badAnswer
    /// Too many calls wait for a connection. The call was not sent.
    case busy
    /// This client was shut down, or the caller's task cancelled.
    case cancelled
  }

  public var kind: Kind
  /// What was being done, to what, and what was found; lower case, no full stop.
  public var message: String
  /// What the operator can do next.
  public var hint: String?

  public init(_ kind: Kind, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.message = message
    self.hint = hint
  }

  /// How long to wait before trying again is decided by this.
  public var failureKind: Backoff.FailureKind {
    switch kind {
    case .unreachable: .unreachable
    case .refusedIdentity: .refused
    case .timeout, .interrupted, .badAnswer, .busy, .cancelled: .failedAfterAccept
    }
  }
}

extension JSONRPCClientError: Equatable {
  public static func == (left: JSONRPCClientError, right: JSONRPCClientError) -> Bool { left.kind == right.kind }
}

extension JSONRPCClientError: CustomStringConvertible {
  public var description: String { hint.map { "\(message) (\($0))" } ?? message }
}
