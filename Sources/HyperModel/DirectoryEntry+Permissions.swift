extension DirectoryEntry.Permission {
  /// The only right there is (PROTOCOL.md 8.1).
  public static let callRight = "call"
  /// The group that everybody is in.
  public static let everybody = "*"

  func allowsCalls(byMemberOf callerGroups: [String]) -> Bool {
    guard rights.contains(Self.callRight) else { return false }
    return group == Self.everybody || callerGroups.contains { $0.isExactly(group) }
  }
}

extension DirectoryEntry {
  /// Whether this operator lets a caller with these groups call one of its methods (PROTOCOL.md 5.4).
  ///
  /// The first service that lists the method decides: its own permissions and those of the method both count, one that fits is enough.
  /// A method that no service lists is denied. That an operator may always call itself is not part of this rule.
  public func permits(_ method: String, callerGroups: [String]) -> Bool {
    for service in services {
      guard let listed = service.methods.first(where: { $0.name.isExactly(method) }) else { continue }
      return (service.permissions + listed.permissions).contains { $0.allowsCalls(byMemberOf: callerGroups) }
    }
    return false
  }

  /// The settings of one of this operator's services towards an operator: the first that match, where an empty name in the directory matches any
  /// (PROTOCOL.md 8.1). Nil when none match.
  public func settings(service: String, for operatorName: OperatorName) -> [String: JSONValue]? {
    settings.first { item in
      (item.service.isEmpty || item.service.isExactly(service))
        && (item.operatorName.isEmpty || item.operatorName.isExactly(operatorName.text))
    }?.settings
  }
}
