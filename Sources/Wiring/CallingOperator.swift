public import HyperModel
import JSONRPC

/// The operator in whose name a call arrives at a proxy: the `_client` parameter that the own node has set (PROTOCOL.md 5.5).
public enum CallingOperator {
  /// - Throws: `CallFault` −32602 when the parameter is missing or not an operator's entry.
  public static func read(_ params: [String: JSONValue]) throws(CallFault) -> DirectoryEntry {
    do {
      return try ClientParameter(in: params).entry
    } catch {
      throw .invalidParams(FormError([ClientParameter.key: .string("\(error)")]))
    }
  }
}
