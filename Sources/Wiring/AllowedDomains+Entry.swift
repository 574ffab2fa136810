public import Announcements
public import HyperModel

extension AllowedDomains {
  /// The domains an operator may announce at a proxy, from its directory entry (PROTOCOL.md 10.1).
  ///
  /// - Throws: `CallFault` 403 when the entry has no settings of service `proxy` for this proxy, 500 when they are not what they should be.
  public static func read(of caller: DirectoryEntry, at proxy: OperatorName) throws(CallFault) -> AllowedDomains {
    guard let settings = caller.settings(service: "proxy", for: proxy) else {
      throw CallFault(code: 403, message: "operator '\(caller.name)' has no settings of service 'proxy' for '\(proxy)' in the directory")
    }
    do {
      return try AllowedDomains(settings: settings)
    } catch {
      throw CallFault(code: 500, message: "the directory entry of '\(caller.name)': \(error)")
    }
  }
}

extension CallFault {
  /// The error object as it stands inside a result, for instance per item of `announceConnections`.
  public var json: JSONValue {
    var members: [String: JSONValue] = ["code": .integer(Int64(code)), "message": .string(message)]
    if let data { members["data"] = data }
    return .object(members)
  }
}
