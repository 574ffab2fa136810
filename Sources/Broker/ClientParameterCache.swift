import HyperModel
import Synchronization

/// The callers' `_client` parameters, made once per caller and version of the directory: an entry is some kilobytes, and every call carries one.
///
/// Mutable state: the table, behind its lock. It holds at most one parameter per entry of the directory.
final class ClientParameterCache: Sendable {
  private struct Table {
    var version: UInt64 = 0
    var parameters: [OperatorName: EncodedClient] = [:]
  }

  private let table = Mutex(Table())

  /// The parameter for an entry out of the snapshot.
  func parameter(for caller: DirectoryEntry, in snapshot: DirectorySnapshot) -> EncodedClient {
    if let known = table.withLock({ $0.version == snapshot.version ? $0.parameters[caller.name] : nil }) { return known }
    let made = EncodedClient(ClientParameter(entry: caller))
    table.withLock { table in
      // Somebody may still be working with an older snapshot than the table: that one is not worth keeping.
      if snapshot.version < table.version { return }
      if snapshot.version > table.version { table = Table(version: snapshot.version) }
      table.parameters[caller.name] = made
    }
    return made
  }
}
