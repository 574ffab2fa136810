import HyperModel
import Synchronization

/// Reads bodies, and the parameter `_client` of each caller once: every call from a node carries the same few kilobytes about who called
/// (PROTOCOL.md 5.5), beside which the rest of it is small.
///
/// `values` is the only mutable state, behind its mutex; nothing is read while it is held.
final class KnownClients: Sendable {
  private let values = Mutex(KnownValues(of: ClientParameter.key))

  func read(_ body: some Collection<UInt8>) throws(JSONSyntaxError) -> JSONValue {
    let before = values.withLock { $0 }
    var after = before
    let json = try JSONValue(parsing: body, known: &after)
    if after.version > before.version {
      // What somebody else learned meanwhile is learned again when it comes again.
      values.withLock { [after] in $0 = after }
    }
    return json
  }
}
