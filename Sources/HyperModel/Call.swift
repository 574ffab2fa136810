/// A request as it travels through the network (PROTOCOL.md 5.1).
public struct CallRequest: Hashable, Sendable {
  /// The full addressed id, `OPERATOR.METHOD(INNER)`.
  public var id: String
  /// `OPERATOR.METHOD`; the broker refuses a request whose method is not the one in its id.
  public var method: String
  /// Nil when the sender gave none.
  public var params: [String: JSONValue]?
  /// Who called, as the broker has verified it: what goes out in place of a parameter `_client`. Nil before the broker has seen the request.
  public var client: EncodedClient?

  public init(id: String, method: String, params: [String: JSONValue]?, client: EncodedClient? = nil) {
    self.id = id
    self.method = method
    self.params = params
    self.client = client
  }
}

/// The answer to a request: a result, an error object, or neither (an empty answer).
public struct CallResponse: Hashable, Sendable {
  public var id: String
  public var outcome: Outcome

  /// What was answered.
  public enum Outcome: Hashable, Sendable {
    /// Nil is "no result field at all", which is not the same as `null` on the wire (PROTOCOL.md 21, 7.3).
    case result(JSONValue?)
    case fault(CallFault)
  }

  public init(id: String, outcome: Outcome) {
    self.id = id
    self.outcome = outcome
  }
}

/// An error object, as JSON-RPC and the mesh carry it: an answer, not a failure to get one.
public struct CallFault: Error, Hashable, Sendable {
  public var code: Int
  public var message: String
  public var data: JSONValue?

  public init(code: Int, message: String, data: JSONValue? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }
}

/// A call that could not be carried out at all.
///
/// PROTOCOL.md calls this a Go-error (5.3): code 1 for a local caller, status UNKNOWN for a peer's `Call`, code −100 over `ServerCall`.
public struct CallFailure: Error, Hashable, Sendable {
  public var message: String

  public init(_ message: String) {
    self.message = message
  }
}

extension CallFailure: CustomStringConvertible {
  public var description: String { message }
}

extension CallFailure {
  /// The error object that a local program gets for a call that could not be carried out: code 1, `data` an empty object (PROTOCOL.md 5.3, 6.1).
  public var faultForLocalCaller: CallFault { CallFault(code: 1, message: message, data: [:]) }

  /// The error object for a peer that called over `ServerCall`: code −100 (PROTOCOL.md 7.3).
  public var faultForServerCall: CallFault { CallFault(code: -100, message: message) }
}
