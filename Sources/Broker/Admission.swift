import HyperModel

/// Decides about requests; has no state and does nothing.
struct Admission {
  let ownName: OperatorName

  enum Verdict: Hashable {
    case admitted(Call)
    /// The answer is an error object.
    case refused(CallFault)
    /// There is no answer.
    case failed(CallFailure)
  }

  /// A request that may be carried out.
  struct Call: Hashable {
    let recipient: OperatorName
    let method: String
    let caller: DirectoryEntry
    let own: DirectoryEntry

    var methodText: String { "\(recipient.text).\(method)" }
  }

  /// Judges a peer's request. The order of the checks is part of the behaviour: what a stranger gets to know grows with what it has proven.
  func judge(_ request: CallRequest, from caller: OperatorName, in directory: DirectorySnapshot) -> Verdict {
    guard let address = MethodAddress(parsing: request.id) else { return .failed(.invalidAddress) }
    guard let callerEntry = directory[caller] else { return .failed(.noEntry(of: "client", caller)) }
    guard let own = directory[ownName] else { return .failed(.noEntry(of: "client", ownName)) }
    // Existing nodes check permissions by id but deliver by method, so that an allowed id carries any other method along.
    guard address.agrees(withMethodText: request.method) else {
      return .refused(CallFault(code: 403, message: "method \(request.method.shortened) is not the one in the id \(request.id.shortened)"))
    }
    guard address.operatorName == ownName else {
      return .refused(
        CallFault(code: 403, message: "requests for another operator (\(address.operatorName.text.shortened)) are not relayed"))
    }
    guard caller == ownName || own.permits(address.method, callerGroups: callerEntry.groups) else {
      let names = "method \(address.method.shortened) and client \(caller.text.shortened)"
      return .refused(CallFault(code: 403, message: "Permission denied for \(names)"))
    }
    return .admitted(Call(recipient: ownName, method: address.method, caller: callerEntry, own: own))
  }

  /// Judges a local program's request.
  func judge(methodText: String, in directory: DirectorySnapshot) -> Verdict {
    guard let own = directory[ownName] else { return .failed(.noEntry(of: "client", ownName)) }
    guard let (recipient, method) = MethodAddress.split(methodText: methodText) else { return .failed(.invalidAddress) }
    guard directory[recipient] != nil else { return .failed(.noEntry(of: "recipient", recipient)) }
    return .admitted(Call(recipient: recipient, method: method, caller: own, own: own))
  }
}

// The texts are those of existing nodes (WIRE.md 3).
extension CallFailure {
  static let invalidAddress = CallFailure("error parsing address: invalid ID format")

  static func noEntry(of role: String, _ name: OperatorName) -> CallFailure {
    CallFailure("error retrieving directory entry for \(role) \(name.text.shortened): no directory entry found")
  }
}
