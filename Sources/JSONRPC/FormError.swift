public import HyperModel

/// What is wrong with the members of a request, in the shape that deployed nodes send as error data (PROTOCOL.md 6.1, WIRE.md 3).
public struct FormError: Hashable, Sendable {
  /// Member name to what is wrong with it: a text, or the data of a nested form error.
  public let problems: [String: JSONValue]

  public init(_ problems: [String: JSONValue]) {
    self.problems = problems
  }

  /// One line with every member, in name order so that equal errors read equally.
  public var message: String {
    let parts = problems.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { name, problem in "\(name)(\(problem.string ?? problem.text))" }
    return "invalid input data: " + parts.joined(separator: ", ")
  }

  public var json: JSONValue {
    [
      "message": .string(message), "code": "FORM-ERROR", "data": .object(problems), "traceback": [],
    ]
  }
}

/// The error objects every JSON-RPC server of the project answers with (PROTOCOL.md 6.1, codes).
extension CallFault {
  /// The body is not a JSON object, or not announced as one.
  public static func parseError(_ found: String) -> CallFault {
    CallFault(code: -32700, message: "JSON required: \(found)")
  }

  /// The envelope is not a request.
  public static func invalidRequest(_ error: FormError) -> CallFault {
    CallFault(code: -32600, message: "invalid request: \(error.message)", data: error.json)
  }

  /// No such method here.
  public static let methodNotFound = CallFault(code: -32601, message: "method not found")

  /// The method exists, its parameters are wrong.
  public static func invalidParams(_ error: FormError) -> CallFault {
    CallFault(code: -32602, message: "invalid params", data: error.json)
  }

  /// Something failed on our side; the details are in our log.
  public static let internalError = CallFault(code: -32603, message: "internal error")
}
