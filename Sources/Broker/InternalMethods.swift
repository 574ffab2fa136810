import FoundationEssentials
import HyperModel

/// The methods that a node answers itself when they are addressed to it (PROTOCOL.md 5.6).
struct InternalMethods: Sendable {
  let version: String
  /// The time, for `_ping`.
  var now: @Sendable () -> Date = { Date.now }

  /// Nil when the method is for the service behind the node.
  ///
  /// - Throws: `CallFailure` for what this node cannot do yet.
  func answer(
    _ method: String, params: [String: JSONValue], client: EncodedClient, own: DirectoryEntry, in directory: DirectorySnapshot
  ) throws(CallFailure) -> CallResponse.Outcome? {
    switch method {
    case "_ping":
      return .result([
        "version": .string(version), "timestamp": .string(RFC3339.format(now())),
        "params": .object(params.merging([ClientParameter.key: client.value]) { $1 }), "serverInfo": own.json,
      ])
    case "_directory":
      switch DirectoryFilter.read(params) {
      case .success(let filter): return .result(["entries": .array(filter.apply(to: directory).map(\.json))])
      case .failure(let fault): return .fault(fault)
      }
    // Never for the service: what it asks for is to be done by the node.
    case "_connectionRequest": throw CallFailure("connections through a proxy are not supported yet")
    default: return nil
    }
  }
}

/// What `_directory` is asked for; an entry must fit everything that is given.
private struct DirectoryFilter {
  var operatorName: String?
  var group: String?
  /// Any of these types; an empty list fits nothing.
  var channels: [String]?

  static func read(_ params: [String: JSONValue]) -> Result<DirectoryFilter, CallFault> {
    var filter = DirectoryFilter()
    var wrong: [String: String] = [:]
    filter.operatorName = text("operator", in: params, &wrong)
    filter.group = text("group", in: params, &wrong)
    if let value = params["channels"], value != .null {
      filter.channels = value.array?.compactMap(\.string)
      if filter.channels == nil || filter.channels?.count != value.array?.count { wrong["channels"] = "expected a list of strings" }
    }
    return wrong.isEmpty ? .success(filter) : .failure(.invalidParams(wrong))
  }

  func apply(to directory: DirectorySnapshot) -> [DirectoryEntry] {
    directory.entries.values.filter(fits).sorted { $0.name < $1.name }
  }

  private func fits(_ entry: DirectoryEntry) -> Bool {
    if let operatorName, entry.name != OperatorName(operatorName) { return false }
    if let group, !entry.groups.contains(group) { return false }
    if let channels, !entry.channels.contains(where: { channels.contains($0.type) }) { return false }
    return true
  }

  /// Null and the empty string count as absent (PROTOCOL.md 2.4).
  private static func text(_ key: String, in params: [String: JSONValue], _ wrong: inout [String: String]) -> String? {
    guard let value = params[key], value != .null, value != "" else { return nil }
    if value.string == nil { wrong[key] = "expected a string" }
    return value.string
  }
}

extension CallFault {
  /// Parameters that do not fit, with the error object of existing nodes (PROTOCOL.md 6.1).
  fileprivate static func invalidParams(_ wrong: [String: String]) -> CallFault {
    let listed = wrong.sorted { $0.key < $1.key }.map { "\($0.key)(\($0.value))" }.joined(separator: ", ")
    return CallFault(
      code: -32602, message: "invalid params",
      data: [
        "message": .string("invalid input data: \(listed)"), "code": "FORM-ERROR", "data": .object(wrong.mapValues(JSONValue.string)),
        "traceback": [],
      ])
  }
}
